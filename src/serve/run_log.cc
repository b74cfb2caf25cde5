#include "serve/run_log.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/json.h"
#include "serve/turn_record.h"

namespace trinity::serve {
namespace {

constexpr std::size_t kRunBytes = 512;  // of a run besides its texts

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

double ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace

Json run_json(const RunRecord& run) {
  Json path = Json::array();
  for (const PathStep& step : run.path)
    path.push_back(
        {{"member", step.member}, {"role", text_or_null(step.role)}, {"margin", step.margin}});
  return {{"id", run.id},
          {"conversation_id", text_or_null(run.conversation_id)},
          {"model", run.model},
          {"profile", run.profile},
          {"dialect", run.dialect},
          {"key", text_or_null(run.key)},
          {"stream", run.streams},
          {"began_ms", run.began_ms},
          {"state", run.running ? "running" : "ended"},
          {"final_status", text_or_null(run.final_status)},
          {"verified", run.verified},
          {"error", text_or_null(run.error)},
          {"turns", run.turns},
          {"path", std::move(path)},
          {"fallbacks", run.fallbacks},
          {"ms", run.running ? ms_since(run.began) : run.ms},
          {"router_ms", run.router_ms},
          {"upstream_ms", run.upstream_ms},
          {"input_tokens", run.usage.input},
          {"output_tokens", run.usage.output},
          {"cached_tokens", run.usage.cached_input},
          {"cost_usd", cost_json(run.cost_micro_usd)}};
}

struct RunLog::Listener {
  std::shared_ptr<Request> request;
  std::atomic<bool> gone = false;
};

RunLog::Entry* RunLog::find(std::string_view id) {
  // The newest are asked for most.
  const auto found = std::find_if(runs_.rbegin(), runs_.rend(),
                                  [&](const Entry& entry) { return entry.run.id == id; });
  return found == runs_.rend() ? nullptr : &*found;
}

void RunLog::count(Entry& entry) {
  std::size_t bytes = kRunBytes + entry.run.id.size() + entry.run.conversation_id.size() +
                      entry.run.model.size() + entry.run.key.size() + entry.run.error.size();
  for (const std::string& turn : entry.turns) bytes += turn.size();
  for (const PathStep& step : entry.run.path)
    bytes += sizeof step + step.member.size() + step.role.size();
  bytes_ += bytes - std::exchange(entry.bytes, bytes);
}

void RunLog::forget_oldest() {
  while (runs_.size() > 1 && (runs_.size() > limits_.runs || bytes_ > limits_.bytes)) {
    bytes_ -= runs_.front().bytes;
    runs_.pop_front();
  }
}

void RunLog::run_begins(const RunRecord& run) {
  {
    const std::scoped_lock held(lock_);
    runs_.push_back({run, {}, 0});
    count(runs_.back());
    forget_oldest();
    tell(run, "run_started");
  }
  drop_gone();
}

void RunLog::put_run(Entry& entry, const RunRecord& run) {
  entry.run = run;
  count(entry);
  forget_oldest();
}

void RunLog::report_turn(const RunRecord& run, std::size_t index, const char* event,
                         const Json& turn) {
  const std::string text = json_text(turn);
  {
    const std::scoped_lock held(lock_);
    Entry* const entry = find(run.id);  // null: forgotten while it goes on
    if (entry != nullptr && index < limits_.turns) {
      if (entry->turns.size() <= index) entry->turns.resize(index + 1, "null");
      entry->turns[index] = text;
    }
    if (entry != nullptr) put_run(*entry, run);
    tell(run, event, text);
  }
  drop_gone();
}

void RunLog::turn_begins(const RunRecord& run, std::size_t index, const Json& turn) {
  report_turn(run, index, "turn_started", turn);
}

void RunLog::turn_ends(const RunRecord& run, std::size_t index, const Json& turn) {
  report_turn(run, index, "turn_completed", turn);
}

void RunLog::run_ends(const RunRecord& run) {
  {
    const std::scoped_lock held(lock_);
    if (Entry* const entry = find(run.id)) put_run(*entry, run);
    tell(run, "run_completed");
  }
  drop_gone();
}

std::string RunLog::list(const std::string& key) const {
  std::string out = R"({"schema_version":)" + std::to_string(kRunSchemaVersion) + R"(,"runs":[)";
  const std::size_t begin = out.size();
  const std::scoped_lock held(lock_);
  for (auto entry = runs_.rbegin(); entry != runs_.rend(); ++entry) {
    if (entry->run.key != key) continue;
    if (out.size() > begin) out += ',';
    out += json_text(run_json(entry->run));
  }
  return out + "]}\n";
}

std::optional<std::string> RunLog::story(const std::string& key, std::string_view id) const {
  const std::scoped_lock held(lock_);
  for (auto entry = runs_.rbegin(); entry != runs_.rend(); ++entry) {
    if (entry->run.id != id || entry->run.key != key) continue;
    std::string out = R"({"schema_version":)" + std::to_string(kRunSchemaVersion) + R"(,"run":)" +
                      json_text(run_json(entry->run)) + R"(,"turns":[)";
    for (const std::string& turn : entry->turns) {
      if (&turn != &entry->turns.front()) out += ',';
      out += turn;
    }
    return out + "]}\n";
  }
  return std::nullopt;
}

void RunLog::tell(const RunRecord& run, const char* event, const std::string& turn) {
  if (listeners_.empty()) return;
  std::string text = std::string("event: ") + event +
                     "\ndata: {\"schema_version\":" + std::to_string(kRunSchemaVersion) +
                     ",\"event\":\"" + event + "\",\"run\":" + json_text(run_json(run));
  if (!turn.empty()) text += ",\"turn\":" + turn;
  text += "}\n\n";
  for (const std::shared_ptr<Listener>& listener : listeners_)
    if (listener->request->key == run.key) send(*listener, text);
}

void RunLog::send(Listener& listener, const std::string& text) {
  if (listener.gone) return;
  if (listener.request->exchange().pending_bytes() + text.size() > limits_.pending_bytes)
    listener.gone = true;
  else
    listener.request->exchange().write(text);
}

void RunLog::drop_gone() {
  std::vector<std::shared_ptr<Listener>> gone;  // destroyed after the lock is free
  const std::scoped_lock held(lock_);
  const auto middle = std::partition(listeners_.begin(), listeners_.end(),
                                     [](const auto& listener) { return !listener->gone; });
  gone.assign(std::make_move_iterator(middle), std::make_move_iterator(listeners_.end()));
  listeners_.erase(middle, listeners_.end());
}

bool RunLog::listen(std::shared_ptr<Request> request, std::shared_ptr<provider::Timers> timers) {
  drop_gone();
  const auto listener = std::make_shared<Listener>();
  listener->request = std::move(request);
  {
    const std::scoped_lock held(lock_);
    if (closed_ || listeners_.size() >= limits_.listeners) return false;
    listener->request->begin_events();
    listener->request->exchange().write(": listening\n\n");
    listeners_.push_back(listener);
  }
  // A mark only: this may be called inside a write, under the lock.
  listener->request->exchange().when_gone([weak = std::weak_ptr(listener)] {
    if (const auto self = weak.lock()) self->gone = true;
  });
  arm_sign_of_life(timers);
  return true;
}

void RunLog::arm_sign_of_life(const std::shared_ptr<provider::Timers>& timers) {
  {
    const std::scoped_lock held(lock_);
    if (breathes_ || listeners_.empty()) return;
    breathes_ = true;
  }
  const std::weak_ptr<provider::Timers> clock = timers;
  timers->after(limits_.sign_of_life, [weak = weak_from_this(), clock] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::scoped_lock held(self->lock_);
      self->breathes_ = false;
      for (const auto& listener : self->listeners_) self->send(*listener, ": at work\n\n");
    }
    self->drop_gone();
    if (const auto alive = clock.lock()) self->arm_sign_of_life(alive);
  });
}

void RunLog::close_listeners() {
  std::vector<std::shared_ptr<Listener>> all;
  {
    const std::scoped_lock held(lock_);
    closed_ = true;
    all.swap(listeners_);
  }
  for (const auto& listener : all) listener->request->exchange().end();
}

std::size_t RunLog::listeners() const {
  const std::scoped_lock held(lock_);
  return listeners_.size();
}

std::size_t RunLog::size() const {
  const std::scoped_lock held(lock_);
  return runs_.size();
}

std::size_t RunLog::bytes() const {
  const std::scoped_lock held(lock_);
  return bytes_;
}

}  // namespace trinity::serve
