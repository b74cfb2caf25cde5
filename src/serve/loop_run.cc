// A request that the loop works on, turn by turn.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/thread_failure.h"
#include "chat/assembly.h"
#include "coordinate/run.h"
#include "provider/fitness.h"
#include "serve/candidates.h"
#include "serve/member_request.h"
#include "serve/run_options.h"
#include "serve/run_watch.h"
#include "serve/served_run.h"
#include "serve/signatures.h"
#include "serve/turn_call.h"
#include "serve/turn_record.h"

namespace trinity::serve {
namespace {

using coordinate::CallStep;
using coordinate::DecideStep;
using coordinate::Finished;
using coordinate::LoopProfile;
using coordinate::Step;

constexpr int kWorkerRole = 0;

class LoopRun : public Work, public std::enable_shared_from_this<LoopRun> {
 public:
  LoopRun(Services& services, RunRequest run, coordinate::LoopOptions options,
          std::vector<Message> messages, trace::Trace trace, Resumption resumption)
      : services_(services),
        run_(std::move(run)),
        profile_(options.profile),
        max_turns_(options.max_turns),
        pinned_(resumption.slot),
        makers_(std::move(resumption.makers)),
        writer_(make_answer_writer(run_.request, run_.asked)),
        decide_(services.decide ? services.decide : coordinate::decide_with(*services.router)),
        loop_(std::move(options), std::move(messages), std::move(trace)) {}

  void start() {
    const std::weak_ptr<LoopRun> weak = weak_from_this();
    run_.request->exchange().when_gone([weak] {
      if (const auto self = weak.lock()) self->cancel();
    });
    if (writer_->streams()) arm_sign_of_life();
    const std::scoped_lock held(lock_);
    advance(loop_.begin());
  }

 private:
  // All below is called with lock_ held, but for what says otherwise.

  void advance(Step step) {
    if (ended_) return;
    if (auto* decide = std::get_if<DecideStep>(&step)) {
      // The router's answer is waited for, on a thread that may wait.
      services_.executor.post([self = shared_from_this(), decide = std::move(*decide)] {
        self->safely([&] { self->ask_router(decide); });
      });
    } else if (auto* call = std::get_if<CallStep>(&step)) {
      ask_member(std::move(*call));
    } else {
      finish(std::get<Finished>(std::move(step)));
    }
  }

  /// Without the lock.
  void ask_router(const DecideStep& step) {
    const auto begin = std::chrono::steady_clock::now();
    Result<coordinate::Decided> decided = decide_(step);
    const double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    services_.counts.decision.observe({}, ms / 1e3);
    const std::scoped_lock held(lock_);
    if (ended_) return;
    router_ms_ += ms;
    if (decided && decided->decision) {
      pins_this_turn_ = pinned_.has_value();
      if (pinned_) {
        // Who called the tool reads what it gave; the router was asked for the record.
        decided->decision->agent_id = *pinned_;
        decided->decision->role_id = kWorkerRole;
        decided->decision->role_name = "Worker";
        pinned_.reset();
      }
      decision_ = *decided->decision;
    }
    advance(loop_.decided(std::move(decided)));
  }

  void ask_member(CallStep step) {
    TurnCallOptions options;
    std::optional<Error> unfit;  // why the last one that was passed over cannot take it
    std::vector<PassedOver> passed_over;
    options.candidates =
        candidates_for(*run_.pool, decision_, step, run_.asked.call, unfit, passed_over);
    if (options.candidates.empty()) {
      Error error = unfit.value_or(
          Error{ErrorKind::missing, "unknown_agent", "no member of the pool stands in any slot"});
      error.message = "messages: no member of the pool can take this; the " + error.message;
      failure_ = api_error(error, spent_);
      return advance(loop_.answered(tl::unexpected(failure_->error)));
    }
    const std::size_t most = static_cast<std::size_t>(services_.most_fallbacks) + 1;
    if (options.candidates.size() > most) options.candidates.resize(most);

    turn_ = turn_of(step, decision_, *run_.pool);
    if (pins_this_turn_) turn_.pinned = "tool_result";
    turn_.member = options.candidates.front()->config.name;  // others may be masked
    turn_.model = options.candidates.front()->config.model;
    if (writer_->streams() && !begun_) {
      begun_ = true;
      put_decision_fields(run_.request->fields, turn_);
      put_budget_left(run_.purse, run_.request->key, turn_.member, run_.request->fields);
      writer_->begin();
    }
    writer_->note(begin_line(turn_), turn_event("turn_started", turn_));
    watch_.turn_begins(turn_, decision_, passed_over);

    const bool live = writer_->streams() && is_worker(step.role_name) && is_last(step.turn) &&
                      run_.asked.call.format.kind == chat::OutputFormat::Kind::text;
    const bool author = profile_ == LoopProfile::author;
    const std::weak_ptr<LoopRun> weak = weak_from_this();
    // Keeps this run, which lets go of the call when it ends.
    options.request = [self = shared_from_this(), step, live,
                       author](const provider::PoolMember& member) {
      const RunRequest& run = self->run_;
      provider::MemberRequest request = request_of_turn(*run.pool, member, run.asked.call, run.form,
                                                        self->makers_, step, author, live);
      request.request_id = run.request->id();
      request.depth = run.depth + 1;
      return request;
    };
    options.purse = run_.purse;
    options.payer = run_.request->key;
    options.turn = step.turn;
    options.spans = run_.request->spans;
    if (live) {
      assembly_ = {};
      options.delta = [weak](const chat::Delta& delta) {
        if (const auto self = weak.lock()) self->safely([&] { self->live_delta(delta); });
      };
    }
    auto call = TurnCall::make(services_, std::move(options),
                               [weak](tl::expected<TurnAnswer, TurnFailure> answer) {
                                 if (const auto run = weak.lock())
                                   run->safely([&] { run->member_answered(std::move(answer)); });
                               });
    drop(std::exchange(call_, call));
    // Members that compute answer before begin returns; they must not find the lock held.
    services_.executor.post([call = std::move(call)] { call->begin(); });
  }

  /// Not here and now, which may be inside a callback of the call.
  void drop(std::shared_ptr<TurnCall> call) {
    if (call) services_.executor.post([call = std::move(call)]() mutable { call.reset(); });
  }

  /// Without the lock. Want of memory, above all: this request fails and no other.
  template <typename Work>
  void safely(Work&& work) {
    try {
      work();
    } catch (...) {
      const Error error =
          caught_failure("work on this request", "send a smaller one, or fewer at once").value();
      {
        const std::scoped_lock held(lock_);
        if (ended_) return;
        writer_->fail(api_error(error, spent_));
        close();
      }
    }
  }

  /// The end, however it came: nothing is done any more, and nobody keeps this run.
  void close() {
    ended_ = true;
    services_.timers->cancel(sign_of_life_);
    drop(std::move(call_));
    services_.active.let_go(this);
  }

  /// No Verifier can follow.
  bool is_last(int turn) const { return turn + 1 >= max_turns_; }

  /// Without the lock.
  void live_delta(const chat::Delta& piece) {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    chat::Delta out = live_piece(turn_.member, piece, assembly_);
    for (chat::Delta::CallPiece& call : out.calls)
      if (!call.id.empty()) call.id = services_.tool_ids.sign(turn_.agent_id, turn_.turn, call.id);
    if (!out.empty()) writer_->delta(out);
  }

  /// The slot that the member who answered stands in.
  int slot_of(const provider::PoolMember& member) const {
    if (run_.pool->at_slot(turn_.agent_id) == &member) return turn_.agent_id;
    const auto& slots = run_.pool->slots();
    const auto found = std::find(slots.begin(), slots.end(), member.config.name);
    return found == slots.end() ? turn_.agent_id : static_cast<int>(found - slots.begin());
  }

  /// Without the lock.
  void member_answered(tl::expected<TurnAnswer, TurnFailure> answer) {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    if (!answer) {
      spent_ = spent_ || answer.error().spent;
      failure_ = answer.error().error;
      if (spent_) failure_->should_retry = false;
      watch_.turn_fails(failure_->error);
      return advance(loop_.answered(tl::unexpected(answer.error().error.error)));
    }
    spent_ = true;
    failure_.reset();  // what ends the run from here on is not what another call died of
    upstream_ms_ += answer->ms;
    usage_ += answer->usage;
    if (answer->cost_micro_usd) {
      cost_micro_usd_ += *answer->cost_micro_usd;
      cost_known_ = true;
    }
    services_.counts.turns.add({answer->member->config.name, turn_.role});
    turn_.member = answer->member->config.name;
    turn_.model = answer->member->config.model;
    turn_.fallbacks = answer->fallbacks;
    turn_.ms = answer->ms;
    turn_.usage = answer->usage;
    turn_.cost_micro_usd = answer->cost_micro_usd;
    if (is_worker(turn_.role))
      turn_.form = form_order_name(run_.form.order_for(answer->member->config));
    writer_->note(end_line(turn_), turn_event("turn_completed", turn_));
    record_.push_back(turn_);
    watch_.turn_ends(turn_, answer->reply.message.text());

    coordinate::Answer said;
    said.text = answer->reply.message.text();
    said.usage = answer->usage;
    if (answer->cost_micro_usd) said.cost_usd = static_cast<double>(*answer->cost_micro_usd) / 1e6;
    said.provider = provider::member_kind_name(answer->member->config.kind);
    said.provider_model = answer->member->config.model;
    said.form_order = turn_.form;
    if (is_worker(turn_.role)) {
      worker_ = answer->reply;
      mark_signatures(answer->member->config.name, worker_->message.extra);
      for (chat::Call& call : worker_->message.calls)
        call.id = services_.tool_ids.sign(slot_of(*answer->member), turn_.turn, call.id);
      worker_turn_ = turn_;
      said.calls_tools = !answer->reply.message.calls.empty();
    }
    advance(loop_.answered(std::move(said)));
  }

  void finish(Finished finished) {
    const std::string status =
        finished.outcome ? finished.outcome->final_status : finished.outcome.error().tag;
    services_.counts.runs.add({coordinate::loop_profile_name(profile_), status});
    watch_.ends(status, finished.outcome && finished.outcome->verified, router_ms_,
                finished.outcome ? nullptr : &finished.outcome.error());
    net::Fields& fields = run_.request->fields;
    const double overhead = run_.request->age_ms() - router_ms_ - upstream_ms_;
    services_.counts.overhead.observe({}, std::max(0.0, overhead) / 1e3);
    if (!writer_->streams()) {
      put_budget_left(run_.purse, run_.request->key, turn_.member, fields);
      put_decision_fields(fields, record_.empty() ? turn_ : worker_ ? worker_turn_ : turn_);
      fields.set("x-trinity-turns", std::to_string(record_.size()));
      fields.set("x-trinity-final-status", status);
      fields.set("x-trinity-router-ms", fmt::format("{:.2f}", router_ms_));
      fields.set("x-trinity-upstream-ms", fmt::format("{:.1f}", upstream_ms_));
      fields.set("x-trinity-overhead-ms", fmt::format("{:.2f}", overhead));
      fields.set("x-trinity-cached-tokens", std::to_string(usage_.cached_input));
      if (cost_known_)
        fields.set("x-trinity-cost-usd",
                   fmt::format("{:.6f}", static_cast<double>(cost_micro_usd_) / 1e6));
    }
    if (finished.outcome) {
      const coordinate::Outcome& outcome = *finished.outcome;
      const bool has_form = run_.form.is_asked() && status != "tool_calls";
      if (!writer_->streams()) {
        fields.set("x-trinity-verified", outcome.verified ? "true" : "false");
        if (has_form) fields.set("x-trinity-form", outcome.form_fault ? "invalid" : "valid");
      }
      chat::ChatReply reply = worker_.value_or(chat::ChatReply{});
      const std::string text = profile_ == LoopProfile::safe || profile_ == LoopProfile::author
                                   ? outcome.answer.value_or(outcome.text)
                                   : outcome.text;
      if (reply.message.text() != text) {
        reply.message.content = {{.kind = chat::Part::Kind::text, .text = text}};
        reply.logprobs = {};
      }
      Json summary = run_summary(record_, status, outcome.verified, cost_known_, cost_micro_usd_);
      if (has_form) summary["form"] = form_summary(outcome.form_fault);
      writer_->finish(reply, usage_, summary);
    } else {
      // A call that a budget cut off failed for want of that, whatever its member says.
      const bool by_call = failure_ && !finished.budget;
      ApiError error = by_call ? *failure_ : api_error(finished.outcome.error(), spent_);
      writer_->fail(error);
    }
    close();
  }

  /// Without the lock.
  void cancel() override {
    std::shared_ptr<TurnCall> call;
    {
      const std::scoped_lock held(lock_);
      if (ended_) return;
      call = call_;
      loop_.cancel();  // the trace says so
      close();
    }
    services_.counts.runs.add({coordinate::loop_profile_name(profile_), "cancelled"});
    if (call) call->cancel();
    drop(std::move(call));
  }

  void arm_sign_of_life() {
    const std::weak_ptr<LoopRun> weak = weak_from_this();
    sign_of_life_ = services_.timers->after(services_.sign_of_life, [weak] {
      const auto self = weak.lock();
      if (!self) return;
      const std::scoped_lock held(self->lock_);
      if (self->ended_) return;
      self->writer_->note(waiting_line(self->turn_), turn_event("turn_waiting", self->turn_));
      self->arm_sign_of_life();
    });
  }

  Services& services_;
  const InUse in_use_{services_};
  RunRequest run_;
  LoopProfile profile_;
  int max_turns_;
  std::optional<int> pinned_;               // slot that the next turn goes to
  std::vector<std::optional<int>> makers_;  // of the client's messages, see Resumption
  bool pins_this_turn_ = false;
  std::unique_ptr<AnswerWriter> writer_;
  RunWatch watch_{services_, run_};
  coordinate::Decide decide_;

  std::mutex lock_;
  coordinate::Loop loop_;
  bool ended_ = false, begun_ = false, spent_ = false, cost_known_ = false;
  Decision decision_;
  TurnRecord turn_;
  std::vector<TurnRecord> record_;
  std::optional<chat::ChatReply> worker_;  // the latest Worker's
  TurnRecord worker_turn_;
  std::optional<ApiError> failure_;  // of the last call
  chat::Assembly assembly_;
  std::shared_ptr<TurnCall> call_;
  chat::Usage usage_;
  std::int64_t cost_micro_usd_ = 0;
  double router_ms_ = 0, upstream_ms_ = 0;
  std::uint64_t sign_of_life_ = 0;
};

}  // namespace

void start_run(Services& services, RunRequest run) {
  const auto request = run.request;
  Result<AnswerForm> form = AnswerForm::read(run.asked.call);
  if (!form) return request->fail(api_error(form.error()));
  run.form = std::move(*form);
  coordinate::LoopOptions options = loop_options(services.loop, run);
  Resumption resumption = resume(services.tool_ids, run.asked.call.messages);
  chat::ChatRequest needs = run.asked.call;
  needs.sampling.logprobs = false;  // given where the member has them
  options.needs = provider::needs_of(needs);
  std::vector<Message> messages;
  for (const chat::ChatMessage& message : run.asked.call.messages)
    messages.push_back(chat::router_message(message));
  trace::TraceOptions tracing;
  tracing.run_id = request->id();
  tracing.sink = telemetry::sink_of(request->spans, services.sink);
  tracing.enabled = tracing.sink != nullptr;
  tracing.messages = services.trace_messages;
  tracing.redaction_values = services.redacted();
  Result<trace::Trace> trace = trace::Trace::open(std::move(tracing));
  if (!trace) return request->fail(api_error(trace.error()));
  const auto work =
      std::make_shared<LoopRun>(services, std::move(run), std::move(options), std::move(messages),
                                std::move(*trace), std::move(resumption));
  services.active.keep(work);
  work->start();
}

}  // namespace trinity::serve
