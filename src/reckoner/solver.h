// Answers that can be computed: a question in, an answer with its steps out.
//
// Areas, tried in this order: dates, layout of JSON and code, conversions of units, texts, numbers.
// Each takes a question only when it has found everything that it needs in it; a question that
// nobody takes is not answered at all. Everything is exact and deterministic.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reckoner/words.h"

namespace trinity::reckoner {

enum class Area { dates, layout, units, texts, numbers };
/// "dates", ...
const char* area_name(Area area);

struct Solution {
  Area area = Area::numbers;
  std::string task;    // what was understood: "evaluate 2 + 3 * 4"
  std::string answer;  // "14"; empty with a refusal
  std::vector<std::string> steps;
  std::string refusal;  // why there is no answer though the question was understood
};

/// How one computes: `careful`, or as somebody in a hurry does, who takes operators from left to
/// right and counts a doubled letter once.
enum class Care { careful, hasty };

std::optional<Solution> solve(const Question& question, Care care = Care::careful);
std::optional<Solution> solve(std::string_view question, Care care = Care::careful);

std::optional<Solution> solve_dates(const Question& question);
std::optional<Solution> solve_layout(const Question& question);
std::optional<Solution> solve_units(const Question& question);
std::optional<Solution> solve_texts(const Question& question, Care care);
std::optional<Solution> solve_numbers(const Question& question, Care care);
std::optional<Solution> solve_expression(const Question& question, Care care);

/// Whether a text gives this answer: on its line "Answer:", or else as words of its own.
bool gives_answer(std::string_view text, std::string_view answer);

}  // namespace trinity::reckoner
