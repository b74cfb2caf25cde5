// The `post_processor` of a `tokenizer.json`: which tokens stand around a text.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::text {

/// A token that a template sets before or after every text, such as an end token.
struct EndToken {
  std::string name;
  std::int32_t id = 0;
};

struct EndTokens {
  std::vector<EndToken> before;
  std::vector<EndToken> after;
};

/// Reads the JSON text of the section: null, ByteLevel (which adds nothing), TemplateProcessing, or
/// a Sequence of them. Errors: those of tokenizer_error.h.
Result<EndTokens> read_post_processor(std::string_view text);

}  // namespace trinity::text
