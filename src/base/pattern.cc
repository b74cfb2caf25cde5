#include "base/pattern.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/pattern_code.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr std::size_t kMostBytes = 4'096;

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (std::size_t n = 0; n < text.size();) {
    const auto byte = static_cast<unsigned char>(text[n]);
    std::size_t size = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    size = std::min(size, text.size() - n);
    char32_t point = size == 1 ? byte : byte & (0xFFu >> (size + 1));
    for (std::size_t k = 1; k < size; ++k)
      point = point << 6 | (static_cast<unsigned char>(text[n + k]) & 0x3Fu);
    out += point;
    n += size;
  }
  return out;
}

}  // namespace

struct Pattern::Program {
  pattern::Code code;
};

Result<Pattern> Pattern::compile(std::string_view text) {
  if (!is_valid_utf8(text))
    return fail(ErrorKind::invalid_input, "invalid_pattern", "the pattern is not UTF-8");
  if (text.size() > kMostBytes)
    return fail(ErrorKind::unsupported, "unsupported_pattern",
                "the pattern is longer than 4,096 bytes");
  TRINITY_TRY(pattern::Code code, pattern::compile(code_points(text)));
  return Pattern(std::make_shared<const Program>(Program{std::move(code)}));
}

bool Pattern::found_in(std::string_view text) const {
  using Kind = pattern::Instruction::Kind;
  const pattern::Code& code = program_->code;
  const std::u32string points = code_points(text);
  std::vector<std::size_t> now, next, waiting;
  std::vector<std::size_t> seen(code.size(), SIZE_MAX);  // at which place of the text
  for (std::size_t place = 0; place <= points.size(); ++place) {
    const bool word_before = place > 0 && pattern::is_word(points[place - 1]);
    const bool word_behind = place < points.size() && pattern::is_word(points[place]);
    // The threads that came here, and one that begins here.
    waiting.assign(next.rbegin(), next.rend());
    waiting.insert(waiting.begin(), 0);
    next.clear();
    now.clear();
    while (!waiting.empty()) {
      const std::size_t at = waiting.back();
      waiting.pop_back();
      if (std::exchange(seen[at], place) == place) continue;
      const pattern::Instruction& one = code[at];
      switch (one.kind) {
        case Kind::match:
          return true;
        case Kind::one_of:
          now.push_back(at);
          break;
        case Kind::jump:
          waiting.push_back(one.to);
          break;
        case Kind::split:
          waiting.push_back(one.other);
          waiting.push_back(one.to);
          break;
        case Kind::begin:
          if (place == 0) waiting.push_back(at + 1);
          break;
        case Kind::end:
          if (place == points.size()) waiting.push_back(at + 1);
          break;
        case Kind::edge:
        case Kind::no_edge:
          if ((word_before != word_behind) == (one.kind == Kind::edge)) waiting.push_back(at + 1);
          break;
      }
    }
    if (place == points.size()) break;
    for (const std::size_t at : now) {
      const pattern::Ranges& ranges = code[at].ranges;
      if (std::any_of(ranges.begin(), ranges.end(), [&](const pattern::Range& range) {
            return points[place] >= range.first && points[place] <= range.last;
          }))
        next.push_back(at + 1);
    }
  }
  return false;
}

}  // namespace trinity
