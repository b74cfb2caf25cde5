#include "flags/selection_flags.h"

#include "route/selection.h"

namespace trinity::flags {
namespace {

bool uses_softmax(const DecisionRule& rule) {
  return rule.agent_selection != SelectionMode::argmax ||
         rule.role_selection != SelectionMode::argmax || rule.return_probabilities;
}

bool samples(const DecisionRule& rule) {
  return rule.agent_selection == SelectionMode::sample ||
         rule.role_selection == SelectionMode::sample;
}

void add_mode(command_line::Command& command, const std::string& name, SelectionMode& target) {
  command
      .choice(name, target, {SelectionMode::argmax, SelectionMode::softmax, SelectionMode::sample},
              selection_mode_name, "argmax, softmax or sample")
      .takes("MODE")
      .shows_default()
      .in("Selection");
}

}  // namespace

command_line::Flag add_seed_flag(command_line::Command& command, SelectionSeed& seed,
                                 const std::string& help) {
  return command
      .parsed(
          "--seed",
          [&seed](const std::string& text) {
            const auto read = route::parse_selection_seed(text);
            if (!read) return read.error().message;
            seed = *read;
            return std::string();
          },
          help)
      .takes("SEED");
}

void add_selection_flags(command_line::Command& command, DecisionRule& rule) {
  constexpr const char* group = "Selection";
  add_mode(command, "--agent-selection", rule.agent_selection);
  add_mode(command, "--role-selection", rule.role_selection);
  command.value("--temperature", rule.temperature, "of softmax and sample")
      .takes("T")
      .above(0)
      .used_when([&rule] { return uses_softmax(rule); },
                 "shapes the softmax; it needs --agent-selection or --role-selection softmax or "
                 "sample, or --probabilities")
      .shows_default()
      .in(group);
  add_seed_flag(command, rule.seed,
                "of sample: an integer, or three as 1,2,3 (without it: a fresh one, recorded)")
      .used_when([&rule] { return samples(rule); },
                 "seeds the draws; it needs --agent-selection or --role-selection sample")
      .in(group);
  command.toggle("--probabilities", rule.return_probabilities, "record them for argmax too")
      .in(group);
}

void add_changed_selection_flags(command_line::Command& command, ChangedSelection& flags) {
  constexpr const char* group = "Selection";
  const auto add_mode = [&](const char* name, std::optional<SelectionMode>& target) {
    command
        .choice(name, target,
                {SelectionMode::argmax, SelectionMode::softmax, SelectionMode::sample},
                selection_mode_name, "argmax, softmax or sample (without it: as recorded)")
        .takes("MODE")
        .in(group);
  };
  add_mode("--agent-selection", flags.agent_selection);
  add_mode("--role-selection", flags.role_selection);
  command
      .value("--temperature", flags.temperature, "of softmax and sample (without it: as recorded)")
      .takes("T")
      .above(0)
      .in(group);
  add_seed_flag(command, flags.seed,
                "of every draw: an integer, or three as 1,2,3 (without it: the recorded ones)")
      .in(group);
}

}  // namespace trinity::flags
