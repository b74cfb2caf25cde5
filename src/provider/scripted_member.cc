#include "provider/scripted_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "provider/cost.h"
#include "provider/live_call.h"

namespace trinity::provider {

struct ScriptedMember::State {
  std::string name;
  std::vector<ScriptedStep> script;
  std::shared_ptr<Timers> timers;
  bool repeat = true;
  mutable std::mutex mutex;
  std::vector<MemberRequest> requests;
  std::atomic<std::size_t> cancelled{0};
};

namespace {

std::string echo(const std::string& name, const chat::ChatRequest& request) {
  const auto user = std::find_if(request.messages.rbegin(), request.messages.rend(),
                                 [](const chat::ChatMessage& one) { return one.role == "user"; });
  return fmt::format("MOCK agent={}: {}", name,
                     user == request.messages.rend() ? "no user message" : user->text());
}

/// One call being played: its pieces, and what comes after them.
struct Play : std::enable_shared_from_this<Play> {
  std::shared_ptr<LiveCall> call;
  std::weak_ptr<Timers> timers;
  std::vector<chat::Delta> pieces;
  std::size_t next = 0;
  std::chrono::milliseconds between{0};
  std::optional<chat::ChatReply> reply;
  std::optional<Failure> failure;
  bool hangs = false;
  std::atomic<std::uint64_t> timer{0};

  void wait(std::chrono::milliseconds time) {
    if (const auto alive = timers.lock())
      timer = alive->after(time, [self = shared_from_this()] { self->go_on(); });
  }

  void go_on() {
    if (!call->open()) return;
    if (next < pieces.size()) {
      call->delta(pieces[next++]);
      wait(next < pieces.size() ? between : std::chrono::milliseconds(0));
    } else if (failure) {
      call->failed(*failure);
    } else if (!hangs) {
      call->done(*reply);
    }
  }
};

}  // namespace

ScriptedStep ScriptedStep::says(std::string text, std::chrono::milliseconds delay) {
  ScriptedStep step;
  step.text = std::move(text);
  step.delay = delay;
  return step;
}

ScriptedStep ScriptedStep::fails(FailureClass failure, std::string message) {
  ScriptedStep step;
  step.failure = Failure{};
  step.failure->failure = failure;
  step.failure->error = {ErrorKind::failed, failure_class_name(failure), std::move(message)};
  step.failure->sent = true;
  return step;
}

ScriptedMember::ScriptedMember(std::string name, std::vector<ScriptedStep> script,
                               std::shared_ptr<Timers> timers, bool repeat)
    : state_(std::make_shared<State>()) {
  state_->name = std::move(name);
  state_->script = std::move(script);
  state_->timers = std::move(timers);
  state_->repeat = repeat;
}

std::unique_ptr<PendingCall> ScriptedMember::call(MemberRequest request, MemberReceiver receiver) {
  ScriptedStep step;
  {
    const std::lock_guard lock(state_->mutex);
    const std::size_t number = state_->requests.size();
    state_->requests.push_back(request);
    if (state_->script.empty()) {
      step.text = echo(state_->name, request.request);
    } else if (number < state_->script.size() || state_->repeat) {
      step = state_->script[number % state_->script.size()];
    } else {
      step = ScriptedStep::fails(FailureClass::adapter, "the script has ended");
    }
  }
  if (step.heard) step.heard(request);
  if (!step.reply) {
    chat::ChatReply& reply = step.reply.emplace();
    reply.id = "scripted";
    reply.model = state_->name;
    reply.message.role = "assistant";
    reply.message.content.push_back({chat::Part::Kind::text, step.text, {}});
    reply.usage = estimated_usage(request.request, reply.message);
  }
  const auto play = std::make_shared<Play>();
  play->call = std::make_shared<LiveCall>(std::move(receiver));
  play->timers = state_->timers;
  play->between = step.between;
  play->failure = step.failure;
  play->hangs = step.hangs;
  if (request.request.stream) {
    play->pieces = deltas_of(*step.reply);
    if (step.failure || step.hangs)
      play->pieces.resize(std::min(step.pieces_before, play->pieces.size()));
  }
  play->reply = std::move(step.reply);
  play->wait(step.delay);
  return pending_call(play->call, [play, state = state_](bool was_open) {
    if (was_open) ++state->cancelled;
    state->timers->cancel(play->timer);
  });
}

std::vector<MemberRequest> ScriptedMember::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::size_t ScriptedMember::cancelled() const { return state_->cancelled; }

}  // namespace trinity::provider
