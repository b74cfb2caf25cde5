// trinity lab: the laboratory's comparisons of lanes, noise and data sets.
#include "command_line/add_command.h"
#include "laboratory/lab_commands.h"

namespace trinity::laboratory {

void add_lab(command_line::Command& commands) {
  commands.add("lab",
               "Compare ways to compute with each other; try noise and labelled conversations",
               [](command_line::Command& lab) {
                 lab.notes(
                     "Example:\n  trinity lab matrix\n  trinity lab robustness --json\n"
                     "  trinity lab benchmark");
                 add_lab_matrix(lab);
                 add_lab_golden(lab);
                 add_lab_robustness(lab);
                 add_lab_benchmark(lab);
               });
}

}  // namespace trinity::laboratory
