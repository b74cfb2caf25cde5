// The turns of a trace as a router can decide them anew: what it read, how it chose, what came of
// it.
//
// Events come in the order of the file, those of several runs mixed. A turn is handed on when
// nothing more will be told of it: it is completed, the next one begins, or its run ends. A turn
// that cannot be decided anew is handed on with the reason; none is dropped.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "chat/chat.h"
#include "trace/router_input.h"

namespace trinity::replay {

/// Why a turn cannot be compared.
enum class Obstacle {
  no_text,        // the trace records no messages
  redacted,       // a secret was taken out of them
  altered,        // they are not those whose hash is recorded
  begin_lost,     // they go on from a turn that the trace no longer holds
  undecided,      // the run ended before the router had decided
  pinned,         // not the router chose: a tool's result went to the member that called the tool
  router_failed,  // the other router could not decide it
};
inline constexpr Obstacle kObstacles[] = {
    Obstacle::no_text,   Obstacle::redacted, Obstacle::altered,      Obstacle::begin_lost,
    Obstacle::undecided, Obstacle::pinned,   Obstacle::router_failed};
/// "no_text", ...
const char* obstacle_name(Obstacle obstacle);

/// How a decision was taken from its logits.
struct Selection {
  SelectionMode agent = SelectionMode::argmax, role = SelectionMode::argmax;
  double temperature = 1;
  std::optional<SeedTriple> agent_seed, role_seed;  // of sample
  std::vector<int> masked_roles;
};

/// Agent and role of a split, chosen. Errors: those of route::select_split; `missing_seed` for a
/// sample without one.
struct Choice {
  int agent_id = 0, role_id = 0;
};
Result<Choice> choose(std::span<const float> agent_logits, std::span<const float> role_logits,
                      const Selection& selection);

struct RecordedTurn {
  std::string run_id;
  std::int64_t turn = 0;
  std::optional<Obstacle> obstacle;

  trace::RouterInput input;
  Selection selection;
  std::vector<float> agent_logits, role_logits;
  Choice chosen;            // by the router
  std::string acting_role;  // a Thinker's suggestion may have replaced the role
  std::string model;        // of the member of the chosen slot; empty: it was not asked

  std::optional<chat::Usage> usage;  // of the answer
  std::optional<double> cost_usd;    // as it was recorded
};

class TurnReader {
 public:
  using Take = std::function<Status(RecordedTurn turn)>;
  explicit TurnReader(Take take) : take_(std::move(take)) {}

  /// Errors: those of `take`.
  Status read(const Json& event);
  /// The end of the trace: what is open is handed on.
  Status finish();

  std::size_t runs() const { return runs_; }
  /// Runs whose end was not read.
  std::size_t unfinished_runs() const { return unfinished_; }
  /// The model that last answered for each slot.
  const std::map<int, std::string>& models() const { return models_; }

 private:
  struct Run {
    trace::RouterInputReader inputs;
    std::optional<RecordedTurn> turn;
    bool decided = false;
  };

  Status begin_turn(Run& run, const Json& event);
  void decided(Run& run, const Json& event);
  void called(Run& run, const Json& event);
  Status hand_on(Run& run);

  Take take_;
  std::map<std::string, Run> open_;
  std::map<int, std::string> models_;
  std::size_t runs_ = 0, unfinished_ = 0;
};

}  // namespace trinity::replay
