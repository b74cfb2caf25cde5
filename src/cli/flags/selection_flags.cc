#include "cli/flags/selection_flags.h"

#include <fmt/format.h>

#include <cmath>

#include "base/try.h"
#include "route/selection.h"

namespace trinity::cli {
namespace {

Result<SelectionMode> mode_of(const char* flag, const std::string& value) {
  Result<SelectionMode> mode = parse_selection_mode(flag, value);
  if (mode) return mode;
  return fail(ErrorKind::usage, mode.error().tag,
              fmt::format("{} must be argmax, softmax or sample, got \"{}\"", flag, value));
}

}  // namespace

void add_selection_flags(Command& command, SelectionFlags& flags) {
  constexpr const char* group = "Selection";
  command.value("--agent-selection", flags.agent, "argmax, softmax or sample")
      .takes("MODE")
      .shows_default()
      .in(group);
  command.value("--role-selection", flags.role, "argmax, softmax or sample")
      .takes("MODE")
      .shows_default()
      .in(group);
  command.value("--temperature", flags.temperature, "of softmax and sample")
      .takes("T")
      .shows_default()
      .in(group);
  command
      .value("--seed", flags.seed,
             "of sample: an integer, or three as 1,2,3 (without it: a fresh one, recorded)")
      .takes("SEED")
      .in(group);
  command.toggle("--probabilities", flags.probabilities, "record them for argmax too").in(group);
}

Result<DecisionRule> decision_rule(const SelectionFlags& flags) {
  DecisionRule rule;
  TRINITY_TRY(rule.agent_selection, mode_of("--agent-selection", flags.agent));
  TRINITY_TRY(rule.role_selection, mode_of("--role-selection", flags.role));
  if (!std::isfinite(flags.temperature) || flags.temperature <= 0)
    return fail(ErrorKind::usage, "invalid_temperature",
                fmt::format("--temperature must be positive, got {}", flags.temperature));
  rule.temperature = flags.temperature;
  rule.return_probabilities = flags.probabilities;
  if (!flags.seed.empty()) {
    TRINITY_TRY(rule.seed, parse_selection_seed(flags.seed));
  }
  return rule;
}

}  // namespace trinity::cli
