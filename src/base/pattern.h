// Regular expressions of JSON schemas, searched in a time that grows with the text and never
// explodes.
//
// The grammar is that of ECMAScript as schemas use it: characters, ".", classes, \d \w \s and their
// opposites, \u0041, groups, "|", "^", "$", \b, and the quantifiers * + ? {n} {n,} {n,m}, lazy ones
// too, which find the same. What needs going back (back references, lookaround) is an error. Text
// and pattern are UTF-8 and matched by code points.
//
// A pattern becomes a small program whose threads walk the text side by side (Thompson, Pike), at
// most one of them at each instruction: no pattern and no text can make that slow, or deep.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace trinity {

class Pattern {
 public:
  /// Errors: `invalid_pattern` (ill-formed), `unsupported_pattern` (see above, or too large).
  static Result<Pattern> compile(std::string_view text);

  /// Whether it matches anywhere in the text.
  bool found_in(std::string_view text) const;

 private:
  struct Program;
  explicit Pattern(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace trinity
