// How decisions hold when the question stays the same and only its form changes.
//
// Four kinds of harmless noise are applied to the same questions: a space at the end, the other
// case of the first letter, a paraphrase written by hand, and another name for the asking role. A
// flip is a decision that changes with the noise; the margins of the decisions that flipped, beside
// those that held, say whether flips are the low-margin cases.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "prove/eval/cases.h"
#include "prove/matrix/model.h"
#include "report/document.h"
#include "text/tokenizer.h"

namespace trinity::benchmark {

/// One question in two wordings, and the conversation that it is part of.
struct Paraphrase {
  std::string id, text, paraphrase;  // an empty paraphrase: there is none
  std::vector<Message> before = {}, after = {};
};

/// JSONL of {"id", "text", "paraphrase"}; blank lines are skipped. Errors: `invalid_paraphrases`
/// (says which line), those of parse_json.
Result<std::vector<Paraphrase>> read_paraphrases(std::string_view jsonl);
/// The pairs compiled into the program (lab/robustness). Error `missing_paraphrases`.
Result<std::vector<Paraphrase>> built_in_paraphrases();

/// The last message of the user of each case, with the conversation around it and without
/// paraphrases. Cases without such a message are left out. Error `invalid_eval_cases`: none is
/// left.
Result<std::vector<Paraphrase>> questions_of(const prove::EvalCaseSet& set);

/// The names of the kinds: "trailing_space", "first_letter_case", "paraphrase", "role_name".
const std::vector<std::string>& noise_kinds();
/// A question under a kind of noise, as a conversation; no kind gives the question itself. A text
/// whose first letter has no other case, or without the paraphrase, is returned unchanged.
std::vector<Message> noisy_question(const Paraphrase& pair, std::string_view kind);

struct NoiseFlip {
  std::string id;
  prove::CaseDecision before, after;
};

/// One lane under one kind of noise.
struct NoiseVerdict {
  std::string lane, kind;
  std::size_t questions = 0;  // that the noise changed at all
  std::size_t agent_flips = 0, role_flips = 0;
  std::vector<NoiseFlip> flips;  // agent or role or both
  /// Agent margins before the noise, ascending: of decisions that held, and that flipped.
  std::vector<double> held_margins, flipped_margins;

  double flip_rate() const;
};

struct RobustnessReport {
  std::string model_name;
  std::size_t questions = 0;
  std::vector<NoiseVerdict> verdicts;  // lane by lane
};

/// Without any paraphrase that kind of noise is left out. Errors: those of the tokenizer and of
/// lane_answers.
Result<RobustnessReport> try_robustness(std::span<const prove::MatrixLane> lanes,
                                        const prove::MatrixModel& model,
                                        const text::Tokenizer& tokenizer,
                                        std::span<const Paraphrase> pairs,
                                        const prove::LabProgress& progress = {});

/// The value at a share (0 to 1) of ascending values, nearest rank; 0 without any.
double quantile(std::span<const double> ascending, double share);

/// {model, questions, lanes: [{lane, noise: [{kind, flip_rate, …, margins}]}]}.
Json robustness_record(const RobustnessReport& report);
/// A row a lane and kind of noise, and what they come to.
report::Document robustness_document(const RobustnessReport& report);

}  // namespace trinity::benchmark
