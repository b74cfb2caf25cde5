// trinity lab robustness: how decisions hold under harmless noise.
#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/try.h"
#include "benchmark/robustness.h"
#include "laboratory/lab_commands.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/progress.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::laboratory {
namespace {

constexpr std::size_t kLargestFile = std::size_t{16} << 20;

struct RobustnessFlags {
  LabFlags lab;
  std::string paraphrases, cases;
  bool json = false;
};

Result<std::vector<benchmark::Paraphrase>> asked(const RobustnessFlags& flags) {
  if (!flags.cases.empty()) {
    TRINITY_TRY(const prove::EvalCaseSet set, prove::load_eval_cases(flags.cases));
    TRINITY_TRY(std::vector<benchmark::Paraphrase> questions, benchmark::questions_of(set));
    if (const std::size_t without = set.cases.size() - questions.size(); without > 0)
      terminal::note(fmt::format("{} cases without a message of the user are left out", without));
    return questions;
  }
  if (flags.paraphrases.empty()) return benchmark::built_in_paraphrases();
  TRINITY_TRY(const std::string text, read_text_file(flags.paraphrases, kLargestFile));
  return benchmark::read_paraphrases(text);
}

Status robustness(const RobustnessFlags& flags) {
  TRINITY_TRY(const prove::MatrixLanes lanes, lanes_of(flags.lab));
  TRINITY_TRY(const std::vector<benchmark::Paraphrase> pairs, asked(flags));
  TRINITY_TRY(const LabModel model, open_lab_model(flags.lab));
  terminal::ProgressBar bar("questions under noise");
  TRINITY_TRY(benchmark::RobustnessReport report,
              benchmark::try_robustness(lanes.lanes, {model.config, *model.tensors, model.head},
                                        model.tokenizer, pairs, terminal::shown_by(bar)));
  bar.clear();
  report.model_name = model.name;
  terminal::Output output;
  TRINITY_CHECK(output.write(flags.json ? wire::json_line(benchmark::robustness_record(report))
                                        : render_text(benchmark::robustness_document(report),
                                                      terminal::style_for(STDOUT_FILENO))));
  return output.flush();
}

void declare(command_line::Command& command, RobustnessFlags& flags) {
  add_lab_flags(command, flags.lab);
  command
      .value("--paraphrases", flags.paraphrases,
             "JSONL of {\"id\", \"text\", \"paraphrase\"} (without it: the built-in pairs)")
      .takes("FILE");
  command
      .value(
          "--cases", flags.cases,
          "eval cases instead: the last message of the user in each gets the noise; there are no "
          "paraphrases then")
      .takes("FILE")
      .excludes("--paraphrases");
  command.json(flags.json, "one JSON object instead of a table");
  command.notes(
      "Noise: a space at the end, the other case of the first letter, a paraphrase, \"User\" for\n"
      "\"user\". Flips are figures, not failures.\n\n"
      "Example:\n  trinity lab robustness --profiles cpu_bf16,cpu_int8\n"
      "  trinity lab robustness --model Qwen3-0.6B --bundle adapted --cases cases.json");
}

}  // namespace

void add_lab_robustness(command_line::Command& lab) {
  add_command(lab, "robustness", "How decisions hold under harmless noise", declare, robustness);
}

}  // namespace trinity::laboratory
