// Recorded traffic decided anew by another router, pool or rule: what would change.
//
// Each recorded turn is decided from what its router had read, so that nobody is asked and nothing
// is paid. Later turns of a run are those that happened: what members would have answered is not
// known. A draw uses the recorded seeds. A recorded choice and a new one are compared as the
// routers made them, before a Thinker's suggestion or a member's limits changed anything.
#pragma once

#include <trinity/router.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "provider/pool_config.h"
#include "replay/recorded_turn.h"
#include "report/document.h"
#include "trace/reader.h"

namespace trinity::replay {

struct ReplayOptions {
  const Router* router = nullptr;
  /// The pool whose members are named, priced and held against what a request needs; nothing: the
  /// members that the trace names, and no prices.
  const provider::PoolConfig* pool = nullptr;
  InputOptions reading;  // its mode is that of `input_mode`
  // What is not said is as it was recorded.
  std::optional<InputMode> input_mode;
  std::optional<SelectionMode> agent_selection, role_selection;
  std::optional<double> temperature;
  SelectionSeed seed;
  /// A new choice whose margin is smaller does not take the place of the recorded one.
  double threshold = 0;
};

/// A choice with its margins.
struct Decided : Choice {
  double agent_margin = 0, role_margin = 0;
};

struct ReplayedTurn {
  std::string run_id;
  std::int64_t turn = 0;
  Decided before;
  Decided raw;   // as the new router chose
  Choice after;  // with the threshold
  bool same_route_hash = false;
  std::string model;  // of the recorded choice; empty: nobody was asked
  /// The member of the chosen slot could not take the conversation: why, and the slot that would be
  /// asked in its place (nothing: none could).
  std::optional<std::string> masked;
  std::optional<int> asked_slot;
  std::optional<double> cost_before, cost_after;  // USD; nothing where it is not known

  bool same_agent() const { return before.agent_id == after.agent_id; }
  bool same_role() const { return before.role_id == after.role_id; }
  bool changed() const { return !same_agent() || !same_role(); }
};

/// What one threshold of the margin would mean.
struct ThresholdRow {
  double threshold = 0;
  std::size_t below = 0;    // new choices that it holds back, agent or role
  std::size_t changed = 0;  // decisions that change nevertheless
};
inline constexpr std::array<double, 7> kThresholds = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 1};

/// Turns that changed from one member to another, or stayed.
struct Transition {
  int from_slot = 0, to_slot = 0;
  std::string from, to;  // members
  std::size_t turns = 0;
};

struct Skipped {
  Obstacle obstacle = Obstacle::no_text;
  std::size_t turns = 0;
  std::string first_run;  // an example
  std::int64_t first_turn = 0;
  std::string why;  // of router_failed: the first error
};

struct ReplayResults {
  std::vector<ReplayedTurn> turns;  // in the order in which they ended
  std::vector<Skipped> skipped;     // in the order of kObstacles, those that there are
  std::vector<trace::TraceFault> faults;
  std::size_t runs = 0, unfinished_runs = 0;
  double threshold = 0;
  std::vector<std::string> slots;  // names of the members after, by slot
  bool priced = false;             // a pool was named

  std::size_t skipped_turns() const;
  std::size_t changed() const;
  std::size_t changed_agent() const;
  std::size_t changed_role() const;
  std::size_t equal_route_hashes() const;
  std::size_t masked() const;
  /// Of the compared decisions; 0 without any.
  double changed_fraction() const;
  std::vector<ThresholdRow> thresholds() const;
  /// The most frequent first.
  std::vector<Transition> transitions() const;
  /// "coder", or "slot 3" where nobody is known.
  std::string slot_name(int slot) const;
};

/// What both costs are known of.
struct CostComparison {
  std::size_t turns = 0, unknown = 0;
  double before = 0, after = 0;  // USD
};
CostComparison compare_costs(const ReplayResults& results);

class Replay {
 public:
  /// The router and the pool must outlive it. Errors: those of slot_table.
  static Result<Replay> begin(ReplayOptions options);
  Replay(Replay&&) noexcept;
  ~Replay();

  /// An event, or a line that is none. Errors: none that a trace can cause.
  Status take(const Json& event);
  void note(trace::TraceFault fault);
  Result<ReplayResults> finish();

 private:
  struct Impl;
  explicit Replay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The record of `trinity replay --json`.
Json replay_record(const ReplayResults& results, const std::string& model);
/// For people, on a terminal and as a page.
report::Document replay_document(const ReplayResults& results, const std::string& model);

/// The value at a share (0 to 1) of values, nearest rank; nothing without any.
std::optional<double> quantile(std::vector<double> values, double share);

}  // namespace trinity::replay
