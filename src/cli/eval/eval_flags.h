// The flags of `trinity eval` and what follows from them without a model.
#pragma once

#include <trinity/router.h>

#include <optional>
#include <string>
#include <vector>

#include "command_line/command_line.h"
#include "flags/model_flags.h"
#include "prove/eval/cases.h"

namespace trinity::cli {

struct EvalFlags {
  flags::ModelFlags model;
  std::vector<std::string> profiles;
  std::vector<std::string> lanes;  // further ones, by the older flag
  std::string oracle;
  std::string cases;
  std::vector<std::string> ids;
  bool list_cases = false;
  std::string fidelity = "reference";
  bool special = false;
  std::int64_t seed = 0;

  std::string snapshot;
  std::string snapshot_out;
  std::optional<double> min_agent_margin;
  std::optional<double> min_role_margin;
  bool record_floors = false;
  bool no_assert = false;
  bool assert_route_hash = false;

  int determinism_runs = 1;
  std::vector<std::string> determinism_rungs;

  bool verbose = false;
  bool show_logits = false;
  bool json = false;
  std::string report;
  bool native_logs = false;       // accepted; there are none
  std::string determinism_child;  // internal: print route hashes of this profile and end
};

void declare_eval_flags(command_line::Command& command, EvalFlags& flags);

/// Which repeats were asked for.
struct RungChoice {
  bool process = false;
  bool restart = false;
  bool batch = false;
  bool any() const { return process || restart || batch; }
};
/// More than one run alone means the same process. Error: `unknown_rung`.
Result<RungChoice> rung_choice(const EvalFlags& flags);

/// How the cases are read and decided.
struct Reading {
  InputOptions input;
  DecisionRule rule;
};
/// `reference`: plain transcript and argmax, special tokens as text unless --special. `author`:
/// chat template, special tokens parsed, agent and role drawn with --seed. Error:
/// `invalid_fidelity`.
Result<Reading> reading_of(const EvalFlags& flags);

/// The cases of --cases, else the built-in ones, less those that --case leaves out.
Result<prove::EvalCaseSet> cases_of(const EvalFlags& flags);

/// Every profile to evaluate, each once, in the order given: --profile, --oracle.
std::vector<std::string> lanes_of(const EvalFlags& flags);

/// False for an oracle that is only there to compare with: it is not repeated.
bool is_judged_lane(const EvalFlags& flags, const std::string& profile);

/// The file that a lane's snapshot goes to: --snapshot-out with {profile} replaced.
std::string snapshot_out_of(const EvalFlags& flags, const std::string& profile);

/// Refuses combinations that cannot work. Errors, all of them usage: `snapshot_out_needs_profile`,
/// `cases_needed`.
Status check_eval_flags(const EvalFlags& flags);

}  // namespace trinity::cli
