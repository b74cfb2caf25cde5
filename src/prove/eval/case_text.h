// Message contents that are described instead of stored: a 3,000-word text is one line of JSON.
//
// `content_rule` is a list of parts that are joined in order:
//   "some text"                       itself
//   {"repeat": "ha ", "times": 900}   the text, that many times
//   {"words": 800, "seed": 7}         that many words of a fixed list of 64, divided by spaces,
//   drawn
//                                     by the splitmix64 generator: word = output >> 58
// The rule and the list are frozen: case hashes depend on them.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <string>

#include "base/json_value.h"

namespace trinity::prove {

/// Errors: `invalid_eval_cases` for a wrong rule or a text over 4 MiB.
Result<std::string> generate_case_text(const Json& rule);

/// The words of the third kind of part.
std::string pseudo_words(std::uint64_t count, std::uint64_t seed);

}  // namespace trinity::prove
