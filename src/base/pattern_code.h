// What a pattern becomes: a program of few kinds of instructions. See base/pattern.h.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <string>
#include <vector>

namespace trinity::pattern {

struct Range {
  char32_t first, last;
};
using Ranges = std::vector<Range>;

struct Instruction {
  enum class Kind { one_of, split, jump, begin, end, edge, no_edge, match };
  Kind kind = Kind::match;
  std::size_t to = 0, other = 0;  // of split and jump: from the program's beginning
  Ranges ranges = {};             // of one_of
};
using Code = std::vector<Instruction>;

/// The program of a pattern. Errors: `invalid_pattern`, `unsupported_pattern`.
Result<Code> compile(const std::u32string& text);

/// A letter, digit or "_" of ASCII.
bool is_word(char32_t c);

}  // namespace trinity::pattern
