// trinity lab robustness: how decisions hold under harmless noise.
#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/try.h"
#include "cli/lab/lab_commands.h"
#include "prove/robustness.h"
#include "terminal/output.h"
#include "terminal/paragraph.h"
#include "terminal/progress.h"
#include "terminal/table.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kLargestFile = std::size_t{16} << 20;

struct RobustnessFlags {
  LabFlags lab;
  std::string paraphrases, cases;
  bool json = false;
};

std::string margin_pair(const std::vector<double>& ascending) {
  if (ascending.empty()) return "-";
  return fmt::format("{:.2f} / {:.2f}", ascending.front(), quantile(ascending, 0.5));
}

/// What the table comes to.
std::string verdict_text(const RobustnessReport& report) {
  const NoiseVerdict* worst = nullptr;
  for (const NoiseVerdict& one : report.verdicts)
    if (worst == nullptr || one.flip_rate() > worst->flip_rate()) worst = &one;
  if (worst == nullptr || worst->flips.empty()) return "No decision flipped.";
  return fmt::format("Most sensitive: {} on {}, {} of {} decisions flipped.", worst->kind,
                     worst->lane, worst->flips.size(), worst->questions);
}

std::string text_of(const RobustnessReport& report, Style style) {
  const Table table({{"profile", 16, false, 9},
                     {"noise", 17},
                     {"asked", 5, true},
                     {"flips", 5, true},
                     {"rate", 5, true},
                     {"agent", 5, true, 0, 2},
                     {"role", 4, true, 0, 1},
                     {"held", 12, true},
                     {"flipped", 12, true}},
                    style);
  std::string out =
      "\n" +
      paragraph({{fmt::format("{}, {}", report.model_name, counted(report.questions, "question"))}},
                style) +
      paragraph({{"held, flipped: margins of the agent before the noise, smallest / median, of the "
                  "questions whose decision held and of those that flipped",
                  &Style::dim}},
                style) +
      "\n" + table.header();
  for (const NoiseVerdict& one : report.verdicts)
    out += table.row({{one.lane},
                      {one.kind},
                      {fmt::format("{}", one.questions)},
                      {fmt::format("{}", one.flips.size())},
                      {fmt::format("{:.0f}%", 100 * one.flip_rate())},
                      {fmt::format("{}", one.agent_flips)},
                      {fmt::format("{}", one.role_flips)},
                      {margin_pair(one.held_margins)},
                      {margin_pair(one.flipped_margins)}});
  out += table.rule();
  return out + paragraph({{verdict_text(report)}}, style);
}

Result<std::vector<Paraphrase>> asked(const RobustnessFlags& flags) {
  if (!flags.cases.empty()) {
    TRINITY_TRY(const EvalCaseSet set, load_eval_cases(flags.cases));
    TRINITY_TRY(std::vector<Paraphrase> questions, questions_of(set));
    if (const std::size_t without = set.cases.size() - questions.size(); without > 0)
      note(fmt::format("{} cases without a message of the user are left out", without));
    return questions;
  }
  if (flags.paraphrases.empty()) return built_in_paraphrases();
  TRINITY_TRY(const std::string text, read_text_file(flags.paraphrases, kLargestFile));
  return read_paraphrases(text);
}

Status robustness(const RobustnessFlags& flags) {
  TRINITY_TRY(const MatrixLanes lanes, lanes_of(flags.lab));
  TRINITY_TRY(const std::vector<Paraphrase> pairs, asked(flags));
  TRINITY_TRY(const LabModel model, open_lab_model(flags.lab));
  ProgressBar bar("questions under noise");
  TRINITY_TRY(RobustnessReport report,
              try_robustness(lanes.lanes, {model.config, *model.tensors, model.head},
                             model.tokenizer, pairs, shown_by(bar)));
  bar.clear();
  report.model_name = model.name;
  Output output;
  TRINITY_CHECK(output.write(flags.json ? wire::json_line(robustness_record(report))
                                        : text_of(report, Style::for_output(STDOUT_FILENO))));
  return output.flush();
}

void declare(Command& command, RobustnessFlags& flags) {
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

void add_lab_robustness(Command& lab) {
  add_command(lab, "robustness", "How decisions hold under harmless noise", declare, robustness);
}

}  // namespace trinity::cli
