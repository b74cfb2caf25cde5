#include "cli/flags/selection_flags.h"

#include "base/try.h"
#include "route/selection.h"

namespace trinity::cli {
namespace {

bool uses_softmax(const SelectionFlags& flags) {
  return flags.agent != "argmax" || flags.role != "argmax" || flags.probabilities;
}

}  // namespace

void add_selection_flags(Command& command, SelectionFlags& flags) {
  constexpr const char* group = "Selection";
  command.value("--agent-selection", flags.agent, "argmax, softmax or sample")
      .takes("MODE")
      .one_of({"argmax", "softmax", "sample"})
      .shows_default()
      .in(group);
  command.value("--role-selection", flags.role, "argmax, softmax or sample")
      .takes("MODE")
      .one_of({"argmax", "softmax", "sample"})
      .shows_default()
      .in(group);
  command.value("--temperature", flags.temperature, "of softmax and sample")
      .takes("T")
      .above(0)
      .used_when([&flags] { return uses_softmax(flags); },
                 "shapes the softmax; it needs --agent-selection or --role-selection softmax or "
                 "sample, or --probabilities")
      .shows_default()
      .in(group);
  command
      .value("--seed", flags.seed,
             "of sample: an integer, or three as 1,2,3 (without it: a fresh one, recorded)")
      .takes("SEED")
      .check([](const std::string& text) {
        const auto seed = parse_selection_seed(text);
        return seed ? std::string() : seed.error().message;
      })
      .used_when([&flags] { return flags.agent == "sample" || flags.role == "sample"; },
                 "seeds the draws; it needs --agent-selection or --role-selection sample")
      .in(group);
  command.toggle("--probabilities", flags.probabilities, "record them for argmax too").in(group);
}

Result<DecisionRule> decision_rule(const SelectionFlags& flags) {
  DecisionRule rule;
  TRINITY_TRY(rule.agent_selection, parse_selection_mode("--agent-selection", flags.agent));
  TRINITY_TRY(rule.role_selection, parse_selection_mode("--role-selection", flags.role));
  rule.temperature = flags.temperature;
  rule.return_probabilities = flags.probabilities;
  if (!flags.seed.empty()) {
    TRINITY_TRY(rule.seed, parse_selection_seed(flags.seed));
  }
  return rule;
}

}  // namespace trinity::cli
