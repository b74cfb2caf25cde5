// Layout of JSON and of code with braces. JSON is read strictly and written anew; code is only
// indented: nothing but the white space at the beginning of its lines changes.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "reckoner/solver.h"

namespace trinity::reckoner {
namespace {

constexpr std::string_view kOpen = "{[(", kClose = "}])";

/// Lines with two spaces for each brace that is open. Braces in quotes count for nothing.
std::string indented(std::string_view code) {
  std::string out;
  std::ptrdiff_t depth = 0;
  for (std::size_t at = 0; at <= code.size();) {
    const std::size_t end = std::min(code.find('\n', at), code.size());
    const std::string line = trimmed(code.substr(at, end - at));
    std::ptrdiff_t opened = 0, least = 0;
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (quote != '\0') {
        if (line[i] == '\\')
          ++i;
        else if (line[i] == quote)
          quote = '\0';
      } else if (line[i] == '"' || line[i] == '\'') {
        quote = line[i];
      } else if (line.compare(i, 2, "//") == 0) {
        break;
      } else if (kOpen.find(line[i]) != std::string_view::npos) {
        ++opened;
      } else if (kClose.find(line[i]) != std::string_view::npos) {
        --opened;
        // A line that begins with what it closes stands where that was opened.
        if (std::string_view(line).substr(0, i).find_first_not_of("}]) ") == std::string_view::npos)
          least = std::min(least, opened);
      }
    }
    if (!line.empty())
      out += std::string(static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, depth + least)) * 2,
                         ' ') +
             line;
    out += '\n';
    depth = std::max<std::ptrdiff_t>(0, depth + opened);
    at = end + 1;
  }
  while (out.ends_with("\n\n")) out.pop_back();
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::optional<std::string> json_operand(const Question& question) {
  const std::string& text = question.raw;
  const std::size_t at = text.find_first_of("{[");
  if (at == std::string::npos) return std::nullopt;
  const std::size_t end = text.find_last_of("}]");
  // Something that is open to the end is shown as it is, so that the error says where.
  return end == std::string::npos || end < at ? text.substr(at) : text.substr(at, end - at + 1);
}

}  // namespace

std::optional<Solution> solve_layout(const Question& question) {
  const bool asks = question.has_any({"format", "prettify", "indent", "pretty", "minify", "compact",
                                      "valid", "validate", "reformat", "beautify"});
  if (!asks) return std::nullopt;
  Solution solution;
  solution.area = Area::layout;
  if (question.has("json")) {
    const std::optional<std::string> text = json_operand(question);
    if (!text) return std::nullopt;
    const Result<Json> value = parse_json(*text);
    if (question.has_any({"valid", "validate"})) {
      solution.task = "check the JSON";
      solution.answer = value ? "yes" : "no";
      solution.steps.push_back(value ? "it was read to its end" : value.error().message);
    } else if (!value) {
      solution.task = "lay out the JSON";
      solution.refusal = "this is not valid JSON: " + value.error().message;
    } else if (question.has_any({"minify", "compact"})) {
      solution.task = "write the JSON on one line";
      solution.answer = json_text(*value);
    } else {
      solution.task = "lay out the JSON";
      solution.answer = json_text(*value, 2);
    }
    return solution;
  }
  if (question.has_any({"code", "function", "program"}) && !question.quoted.empty()) {
    solution.task = "indent the code";
    solution.answer = indented(question.quoted.front());
    return solution;
  }
  return std::nullopt;
}

}  // namespace trinity::reckoner
