// trinity lab: the laboratory's comparisons of lanes, noise and data sets.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/lab/lab_commands.h"

namespace trinity::cli {

void add_lab(CLI::App& app, Action& action) {
  CLI::App* lab = app.add_subcommand(
      "lab",
      "Compare all lanes with each other, and exact lanes with the published bits; try decisions "
      "under harmless noise; measure a router on labelled conversations");
  lab->require_subcommand(1);
  lab->footer(
      "Example:\n  trinity lab matrix\n  trinity lab robustness --json\n"
      "  trinity lab benchmark");
  add_lab_matrix(*lab, action);
  add_lab_golden(*lab, action);
  add_lab_robustness(*lab, action);
  add_lab_benchmark(*lab, action);
}

}  // namespace trinity::cli
