#include "prove/eval/case_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/json_value.h"
#include "base/try.h"

namespace trinity::prove {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{4} << 20;

constexpr std::array<std::string_view, 64> kWords = {
    "water",  "table", "engine",   "market", "paper",  "winter",  "signal",  "garden",
    "number", "river", "window",   "letter", "copper", "memory",  "bridge",  "salt",
    "simple", "early", "narrow",   "steady", "bright", "hollow",  "common",  "later",
    "carry",  "build", "measure",  "follow", "return", "gather",  "divide",  "answer",
    "and",    "or",    "because",  "while",  "under",  "between", "without", "after",
    "the",    "a",     "this",     "every",  "some",   "no",      "each",    "its",
    "north",  "seven", "second",   "half",   "day",    "year",    "hour",    "line",
    "people", "place", "question", "reason", "result", "example", "history", "change"};

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

tl::unexpected<Error> wrong_rule() {
  return fail(ErrorKind::invalid_input, "invalid_eval_cases",
              "content_rule must be a list of texts, {\"repeat\": text, \"times\": count} and "
              "{\"words\": count, \"seed\": number}");
}

tl::unexpected<Error> too_long() {
  return fail(ErrorKind::invalid_input, "invalid_eval_cases",
              "a content_rule makes more than 4 MiB of text; use smaller counts");
}

bool is_count(const Json& part, const char* key) {
  return part.contains(key) && part[key].is_number_unsigned();
}

Result<std::string> text_of(const Json& part) {
  if (part.is_string()) return part.as_string();
  if (!part.is_object() || part.size() != 2) return wrong_rule();
  if (part.contains("repeat") && part["repeat"].is_string() && is_count(part, "times")) {
    const auto text = part["repeat"].as_string();
    const auto times = part["times"].as_uint64();
    if (times > kMaxTextBytes / std::max<std::size_t>(text.size(), 1)) return too_long();
    std::string out;
    out.reserve(text.size() * times);
    for (std::uint64_t i = 0; i < times; ++i) out += text;
    return out;
  }
  if (is_count(part, "words") && is_count(part, "seed")) {
    const auto count = part["words"].as_uint64();
    if (count > kMaxTextBytes / 10) return too_long();
    return pseudo_words(count, part["seed"].as_uint64());
  }
  return wrong_rule();
}

}  // namespace

std::string pseudo_words(std::uint64_t count, std::uint64_t seed) {
  std::string out;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) out += ' ';
    out += kWords[splitmix64(seed) >> 58];
  }
  return out;
}

Result<std::string> generate_case_text(const Json& rule) {
  if (!rule.is_array()) return wrong_rule();
  std::string out;
  for (const Json& part : rule) {
    TRINITY_TRY(const std::string text, text_of(part));
    if (out.size() + text.size() > kMaxTextBytes) return too_long();
    out += text;
  }
  return out;
}

}  // namespace trinity::prove
