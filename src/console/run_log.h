// What happened in a run, turn by turn: for the view that shows it while it goes on, and for the
// record at its end.
//
// It is a sink of the run's trace: the events say what the loop did (who was asked, overrides,
// verdicts), and whoever drives the loop adds what events do not carry: decisions and texts. Events
// go on to the file of the trace, if there is one.
#pragma once

#include <trinity/decision.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinate/loop.h"
#include "provider/pool.h"
#include "trace/trace.h"

namespace trinity::console {

struct CallFacts {
  int agent_id = 0;
  std::string member, model;
  std::optional<int> instead_of;  // the agent that failed or abstained in this turn
  std::string text;
  std::optional<std::string> error;  // tag and sentence
  std::int64_t ms = 0;
  std::optional<coordinate::Usage> usage;
  std::optional<double> cost_usd;  // nothing: no price is known
  bool cut = false;                // its limit of tokens ended it
};

struct TurnFacts {
  int number = 0;
  Decision decision;  // of the router
  int agent_id = 0;   // as it acts
  std::string role, raw_role;
  bool overridden = false;  // the role is a Thinker's suggestion
  bool masked = false;      // the router's best role may not be chosen yet
  std::vector<CallFacts> calls;
  std::optional<std::string> verdict;  // accepted, revised or unknown
  std::optional<std::string> suggested_role;
  bool completed = false;

  /// The slot and the role with the second largest logit; nothing where there is none. A role that
  /// may not be chosen is none.
  std::optional<int> agent_runner_up() const;
  std::optional<int> role_runner_up() const;
};

/// What a run has used.
struct Spent {
  std::size_t calls = 0;
  coordinate::Usage usage;
  double cost_usd = 0;
  bool cost_known = true;  // of every call that may have cost something
};

/// Told of a run as it goes on, on the thread that drives it.
class RunListener {
 public:
  virtual ~RunListener() = default;
  virtual void turn_begins(const TurnFacts& turn) = 0;  // it is decided
  virtual void call_begins(const TurnFacts& turn, const CallFacts& call) = 0;
  virtual void call_ends(const TurnFacts& turn, const CallFacts& call) = 0;
  virtual void turn_ends(const TurnFacts& turn) = 0;
};

class RunLog : public trace::Sink {
 public:
  /// The pool and the listener (or nothing) must outlive it.
  RunLog(const provider::Pool& pool, std::shared_ptr<trace::Sink> next, RunListener* listener)
      : pool_(pool), next_(std::move(next)), listener_(listener) {}

  Status write(const Json& event) override;

  void decided(const Decision& decision) { decision_ = decision; }
  void answered(std::string text, bool cut);

  const std::vector<TurnFacts>& turns() const { return turns_; }
  Spent spent() const;
  /// Whether a call was cancelled before its answer came.
  bool was_cut_off() const;

 private:
  void begin_turn(const Json& event);
  void note_call(const Json& event);

  const provider::Pool& pool_;
  std::shared_ptr<trace::Sink> next_;
  RunListener* listener_;
  Decision decision_;
  std::vector<TurnFacts> turns_;
  bool calling_ = false;
};

/// The member that last spoke in the turn; nullptr where nobody was asked.
const CallFacts* last_call(const TurnFacts& turn);

Json usage_json(const coordinate::Usage& usage);
/// One turn as the record of `trinity ask --json` has it.
Json turn_json(const TurnFacts& turn);

}  // namespace trinity::console
