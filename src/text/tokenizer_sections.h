// The small sections of a `tokenizer.json`: settings that are checked against the one supported
// family, and the added tokens. Each function takes the JSON text of its section.
//
// Errors: `invalid_tokenizer` (not JSON, a wrong type, longer than 4 MiB) and
// `unsupported_tokenizer` (another family; the message names what is supported).
#pragma once

#include <trinity/error.h>

#include <string_view>
#include <vector>

#include "text/added_tokens.h"

namespace trinity {

Status check_normalizer(std::string_view text);
Status check_pre_tokenizer(std::string_view text);
/// `name` is "post_processor" or "decoder": ByteLevel or null.
Status check_byte_level(std::string_view name, std::string_view text);
/// One member of `model` other than the vocabulary and the merges.
Status check_model_option(std::string_view name, std::string_view text);

/// Contents and ids are unique, ids lie below Vocabulary::id_bound.
Result<std::vector<AddedTokens::Token>> read_added_tokens(std::string_view text);

}  // namespace trinity
