#include "benchmark/robustness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/json.h"
#include "base/try.h"
#include "prove/built_in.h"
#include "text/router_input.h"
#include "wire/line_reader.h"

namespace trinity::benchmark {
namespace {

tl::unexpected<Error> invalid(std::size_t line, const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_paraphrases",
              fmt::format("line {} of the paraphrases {}; each line is {{\"id\", \"text\", "
                          "\"paraphrase\"}} with texts that are not empty",
                          line, what));
}

Result<Paraphrase> read_pair(std::string_view text, std::size_t line) {
  auto json = parse_json(text);
  if (!json) return fail_in(fmt::format("line {} of the paraphrases", line), json.error());
  Paraphrase pair;
  for (const auto& [key, target] : {std::pair<const char*, std::string*>{"id", &pair.id},
                                    {"text", &pair.text},
                                    {"paraphrase", &pair.paraphrase}}) {
    const std::string* const found = (*json)[key].to_string();
    if (found == nullptr || found->empty()) return invalid(line, fmt::format("lacks \"{}\"", key));
    *target = *found;
  }
  return pair;
}

std::string other_case(std::string text) {
  if (text.empty()) return text;
  const auto first = static_cast<unsigned char>(text.front());
  text.front() =
      static_cast<char>(std::isupper(first) != 0 ? std::tolower(first) : std::toupper(first));
  return text;
}

Result<std::vector<prove::MatrixCase>> tokenized(const text::Tokenizer& tokenizer,
                                                 std::span<const Paraphrase> pairs,
                                                 std::string_view kind) {
  std::vector<prove::MatrixCase> cases;
  for (const Paraphrase& pair : pairs) {
    auto input = text::build_router_input(tokenizer, noisy_question(pair, kind));
    if (!input) return fail_in("question " + pair.id, input.error());
    cases.push_back({pair.id, std::move(input->ids)});
  }
  return cases;
}

NoiseVerdict verdict_of(const std::string& lane, const std::string& kind,
                        std::span<const prove::MatrixCase> before,
                        std::span<const prove::MatrixCase> after,
                        std::span<const prove::CaseDecision> old_decisions,
                        std::span<const prove::CaseDecision> new_decisions) {
  NoiseVerdict verdict;
  verdict.lane = lane;
  verdict.kind = kind;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].ids == after[i].ids) continue;
    ++verdict.questions;
    const prove::CaseDecision &old_one = old_decisions[i], &new_one = new_decisions[i];
    const bool agent = old_one.agent != new_one.agent, role = old_one.role != new_one.role;
    verdict.agent_flips += agent ? 1 : 0;
    verdict.role_flips += role ? 1 : 0;
    (agent || role ? verdict.flipped_margins : verdict.held_margins)
        .push_back(old_one.agent_margin);
    if (agent || role) verdict.flips.push_back({before[i].id, old_one, new_one});
  }
  std::sort(verdict.held_margins.begin(), verdict.held_margins.end());
  std::sort(verdict.flipped_margins.begin(), verdict.flipped_margins.end());
  return verdict;
}

std::vector<std::string> kinds_for(std::span<const Paraphrase> pairs) {
  std::vector<std::string> kinds = noise_kinds();
  if (std::all_of(pairs.begin(), pairs.end(),
                  [](const Paraphrase& pair) { return pair.paraphrase.empty(); }))
    std::erase(kinds, "paraphrase");
  return kinds;
}

Json margins_record(std::span<const double> ascending) {
  if (ascending.empty()) return nullptr;
  return {{"min", ascending.front()},         {"p10", quantile(ascending, 0.1)},
          {"p25", quantile(ascending, 0.25)}, {"median", quantile(ascending, 0.5)},
          {"p75", quantile(ascending, 0.75)}, {"p90", quantile(ascending, 0.9)},
          {"max", ascending.back()}};
}

Json decision_record(const prove::CaseDecision& one) {
  return {{"agent_id", one.agent},
          {"role_id", one.role},
          {"margins", {{"agent", one.agent_margin}, {"role", one.role_margin}}}};
}

}  // namespace

Result<std::vector<Paraphrase>> read_paraphrases(std::string_view jsonl) {
  std::vector<Paraphrase> pairs;
  std::size_t number = 0;
  wire::LineReader reader = wire::LineReader::over(jsonl, "the paraphrases");
  while (true) {
    TRINITY_TRY(const std::optional<wire::Line> line, reader.next());
    if (!line) break;
    number = line->number;
    if (wire::is_blank(*line)) continue;
    TRINITY_TRY(Paraphrase pair, read_pair(line->text, number));
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) return invalid(number, "ends a file without any pair");
  return pairs;
}

Result<std::vector<Paraphrase>> built_in_paraphrases() {
  const auto file = prove::built_in_lab_file("paraphrases.jsonl");
  if (!file)
    return fail(ErrorKind::missing, "missing_paraphrases",
                "this build holds no paraphrases; name a file with --paraphrases");
  return read_paraphrases(*file);
}

Result<std::vector<Paraphrase>> questions_of(const prove::EvalCaseSet& set) {
  std::vector<Paraphrase> questions;
  for (const prove::EvalCase& one : set.cases) {
    const auto last = std::find_if(one.messages.rbegin(), one.messages.rend(),
                                   [](const Message& message) { return message.role == "user"; });
    if (last == one.messages.rend()) continue;
    const auto after = last.base();  // behind the question
    questions.push_back({one.id,
                         last->content,
                         {},
                         {one.messages.begin(), after - 1},
                         {after, one.messages.end()}});
  }
  if (questions.empty())
    return fail(
        ErrorKind::invalid_input, "invalid_eval_cases",
        fmt::format("no case of {} has a message of the user that noise could change", set.origin));
  return questions;
}

const std::vector<std::string>& noise_kinds() {
  static const std::vector<std::string> kinds = {"trailing_space", "first_letter_case",
                                                 "paraphrase", "role_name"};
  return kinds;
}

std::vector<Message> noisy_question(const Paraphrase& pair, std::string_view kind) {
  Message asked{"user", pair.text};
  if (kind == "trailing_space") asked.content += " ";
  if (kind == "first_letter_case") asked.content = other_case(pair.text);
  if (kind == "paraphrase" && !pair.paraphrase.empty()) asked.content = pair.paraphrase;
  if (kind == "role_name") asked.role = "User";
  std::vector<Message> conversation = pair.before;
  conversation.push_back(std::move(asked));
  conversation.insert(conversation.end(), pair.after.begin(), pair.after.end());
  return conversation;
}

double NoiseVerdict::flip_rate() const {
  return questions == 0 ? 0 : static_cast<double>(flips.size()) / static_cast<double>(questions);
}

double quantile(std::span<const double> ascending, double share) {
  if (ascending.empty()) return 0;
  const auto rank = std::ceil(share * static_cast<double>(ascending.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return ascending[std::min(index, ascending.size() - 1)];
}

Result<RobustnessReport> try_robustness(std::span<const prove::MatrixLane> lanes,
                                        const prove::MatrixModel& model,
                                        const text::Tokenizer& tokenizer,
                                        std::span<const Paraphrase> pairs,
                                        const prove::LabProgress& progress) {
  TRINITY_TRY(const std::vector<prove::MatrixCase> plain, tokenized(tokenizer, pairs, ""));
  // All questions of a lane in one load: the plain ones, then kind after kind.
  std::vector<prove::MatrixCase> all = plain;
  const std::vector<std::string> kinds = kinds_for(pairs);
  for (const std::string& kind : kinds) {
    TRINITY_TRY(const std::vector<prove::MatrixCase> noisy, tokenized(tokenizer, pairs, kind));
    all.insert(all.end(), noisy.begin(), noisy.end());
  }
  RobustnessReport report;
  report.questions = pairs.size();
  for (const prove::MatrixLane& lane : lanes) {
    if (progress)
      progress(static_cast<std::uint64_t>(&lane - lanes.data()), lanes.size());  // the lanes before
    auto answers = prove::lane_answers(lane, model, all);
    if (!answers) return fail_in("profile " + lane.name, answers.error());
    const std::span<const prove::CaseDecision> decisions(answers->decisions);
    const std::span<const prove::MatrixCase> cases(all);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const std::size_t begin = (k + 1) * pairs.size();
      report.verdicts.push_back(verdict_of(lane.name, kinds[k], plain,
                                           cases.subspan(begin, pairs.size()), decisions,
                                           decisions.subspan(begin, pairs.size())));
    }
  }
  return report;
}

Json robustness_record(const RobustnessReport& report) {
  Json verdicts = Json::array();
  for (const NoiseVerdict& one : report.verdicts) {
    Json flips = Json::array();
    for (const NoiseFlip& flip : one.flips)
      flips.push_back({{"id", flip.id},
                       {"before", decision_record(flip.before)},
                       {"after", decision_record(flip.after)}});
    verdicts.push_back({{"lane", one.lane},
                        {"noise", one.kind},
                        {"questions", one.questions},
                        {"agent_flips", one.agent_flips},
                        {"role_flips", one.role_flips},
                        {"flip_rate", one.flip_rate()},
                        {"agent_margins_held", margins_record(one.held_margins)},
                        {"agent_margins_flipped", margins_record(one.flipped_margins)},
                        {"flips", std::move(flips)}});
  }
  return {{"model", report.model_name},
          {"questions", report.questions},
          {"verdicts", std::move(verdicts)}};
}

namespace {

std::string margin_pair(const std::vector<double>& ascending) {
  if (ascending.empty()) return "–";
  return fmt::format("{:.2f} / {:.2f}", ascending.front(), quantile(ascending, 0.5));
}

/// What the table comes to.
report::Text verdict_of(const RobustnessReport& report) {
  const NoiseVerdict* worst = nullptr;
  for (const NoiseVerdict& one : report.verdicts)
    if (worst == nullptr || one.flip_rate() > worst->flip_rate()) worst = &one;
  if (worst == nullptr || worst->flips.empty()) return {"No decision flipped."};
  return {fmt::format("Most sensitive: {} on {}, {} of {} decisions flipped.", worst->kind,
                      worst->lane, worst->flips.size(), worst->questions)};
}

}  // namespace

report::Document robustness_document(const RobustnessReport& report) {
  report::Table table{"Noise",
                      {{"profile", 16, false, 9},
                       {"noise", 17},
                       {"asked", 5, true},
                       {"flips", 5, true},
                       {"rate", 5, true},
                       {"agent", 5, true, 0, 2},
                       {"role", 4, true, 0, 1},
                       {"held", 12, true},
                       {"flipped", 12, true}},
                      {}};
  for (const NoiseVerdict& one : report.verdicts)
    table.rows.push_back(
        {{one.lane, one.kind, report::count(one.questions), report::count(one.flips.size()),
          fmt::format("{:.0f}%", 100 * one.flip_rate()), report::count(one.agent_flips),
          report::count(one.role_flips), margin_pair(one.held_margins),
          margin_pair(one.flipped_margins)}});
  return {"Decisions under noise",
          verdict_of(report),
          {},
          {},
          {{{{report.model_name + ", " + report::counted(report.questions, "question")}},
            {},
            {report::Paragraph{{{"held, flipped: margins of the agent before the noise, smallest / "
                                 "median, of the questions whose decision held and of those that "
                                 "flipped",
                                 report::Look::faint}}},
             std::move(table)}}}};
}

}  // namespace trinity::benchmark
