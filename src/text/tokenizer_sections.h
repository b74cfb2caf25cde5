// The small sections of a `tokenizer.json`: settings that are checked against the one supported
// family, and the added tokens. Each function takes the JSON text of its section. A Sequence counts
// as its steps, so that a file is not refused for the way it is written.
//
// Errors: `invalid_tokenizer` (not JSON, a wrong type, longer than 4 MiB) and
// `unsupported_tokenizer` (another family; the message names what is supported).
#pragma once

#include <trinity/error.h>

#include <string_view>
#include <vector>

#include "text/added_tokens.h"

namespace trinity::text {

Status check_normalizer(std::string_view text);
Status check_pre_tokenizer(std::string_view text);
Status check_decoder(std::string_view text);
/// One member of `model` other than the vocabulary and the merges.
Status check_model_option(std::string_view name, std::string_view text);

/// In the order of the file, a token that is listed twice only once. Contents and ids are unique,
/// and so are the NFC forms of the normalized ones; ids lie below Vocabulary::id_bound.
Result<std::vector<AddedTokens::Token>> read_added_tokens(std::string_view text);

}  // namespace trinity::text
