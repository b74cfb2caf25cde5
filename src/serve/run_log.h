// What a server remembers of its runs, and who watches them: a ring in memory, and listeners.
//
// A run is kept as facts: who was chosen and how clearly, what it cost, how it ended. As in a
// trace, texts of prompts and answers are not among them. A turn is written as JSON once and kept
// as that text, so that what a run takes is known; the oldest run goes when there are too many or
// too large ones.
//
// Listeners get every change as a server-sent event, in the order of the changes. Whoever reports
// one waits for nobody: a listener that does not read what it was sent is cut off.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "chat/chat.h"
#include "provider/timers.h"
#include "serve/request.h"

namespace trinity::serve {

inline constexpr int kRunSchemaVersion = 1;

/// A turn in the summary of its run.
struct PathStep {
  std::string member;            // that answered, or was asked
  std::string role;              // empty: none
  std::optional<double> margin;  // of the choice of the member
};

/// A run without its turns.
struct RunRecord {
  std::string id;               // of its request, and of its trace
  std::string conversation_id;  // "" where the client's interface has none
  std::string model;            // as the client named it
  std::string profile;          // a loop profile, "fast", or "member"
  std::string dialect;          // "chat", "responses" or "messages"
  std::string key;              // name of the API key; empty on a server without keys
  bool streams = false;
  std::int64_t began_ms = 0;  // since 1970
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();

  bool running = true;
  std::string final_status;  // or the tag of the error that ended it
  bool verified = false;
  std::string error;  // the sentence; empty: none
  std::int64_t turns = 0;
  std::vector<PathStep> path;  // the first turns in short
  std::int64_t fallbacks = 0;
  double ms = 0, router_ms = 0, upstream_ms = 0;
  chat::Usage usage;
  std::optional<std::int64_t> cost_micro_usd;
};

/// The summary: what lists and events have of a run.
Json run_json(const RunRecord& run);

struct RunLogLimits {
  std::size_t runs = 200;
  std::size_t bytes = std::size_t{4} << 20;            // of all runs together
  std::size_t turns = 64;                              // of one run; later ones are only counted
  std::size_t listeners = 64;                          // at once
  std::size_t pending_bytes = std::size_t{256} << 10;  // sent to a listener and not taken by it
  std::chrono::milliseconds sign_of_life{15'000};      // of a stream of events
};

class RunLog : public std::enable_shared_from_this<RunLog> {
 public:
  explicit RunLog(RunLogLimits limits = {}) : limits_(limits) {}

  void run_begins(const RunRecord& run);
  /// `index`: of the turns that were reported for this run, from 0.
  void turn_begins(const RunRecord& run, std::size_t index, const Json& turn);
  void turn_ends(const RunRecord& run, std::size_t index, const Json& turn);
  void run_ends(const RunRecord& run);

  /// The body of GET /v1/trinity/runs: what the key may see, the newest first.
  std::string list(const std::string& key) const;
  /// The body of GET /v1/trinity/runs/ID; nothing: unknown, forgotten, or another key's.
  std::optional<std::string> story(const std::string& key, std::string_view id) const;

  /// Streams events to this request until it goes away. False, and nothing was answered: there are
  /// too many listeners, or the server ends.
  bool listen(std::shared_ptr<Request> request, std::shared_ptr<provider::Timers> timers);
  /// Ends every stream; no further ones are begun.
  void close_listeners();

  std::size_t listeners() const;
  std::size_t size() const;
  std::size_t bytes() const;

 private:
  struct Entry {
    RunRecord run;
    std::vector<std::string> turns;  // as JSON
    std::size_t bytes = 0;
  };
  struct Listener;

  // Under the lock.
  Entry* find(std::string_view id);
  void put_run(Entry& entry, const RunRecord& run);
  void report_turn(const RunRecord& run, std::size_t index, const char* event, const Json& turn);
  void count(Entry& entry);
  void forget_oldest();
  void tell(const RunRecord& run, const char* event, const std::string& turn = {});
  void send(Listener& listener, const std::string& text);

  void arm_sign_of_life(const std::shared_ptr<provider::Timers>& timers);
  /// Lets go of listeners that went or were cut off; not under the lock.
  void drop_gone();

  const RunLogLimits limits_;
  mutable std::mutex lock_;
  std::deque<Entry> runs_;  // the oldest first
  std::size_t bytes_ = 0;
  std::vector<std::shared_ptr<Listener>> listeners_;
  bool closed_ = false, breathes_ = false;  // breathes: a sign of life is under way
};

}  // namespace trinity::serve
