// Reading the `tokenizer.json` of the Qwen2/Qwen3 family.
//
// Accepted: NFC normaliser; pre-tokeniser of the one split regex followed by ByteLevel; BPE without
// dropout, byte fallback, sub-word prefixes or ignored merges; ByteLevel, template or no
// post-processor; ByteLevel or no decoder; added tokens with no flag but `normalized` and
// `special`. Any of them may stand in a Sequence. Everything else is refused by name, because it
// would change ids silently. Merges may be pairs or "a b" strings. `truncation` and `padding` are
// ignored: they are settings of batch calls, and a router input is never cut or filled up.
#pragma once

#include <trinity/error.h>

#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/merge_table.h"
#include "text/post_processor.h"
#include "text/vocabulary.h"

namespace trinity::text {

struct TokenizerModel {
  Vocabulary vocabulary;  // with its index
  std::vector<MergeRule> merges;
  std::vector<AddedTokens::Token> added_tokens;  // in the order of the file
  EndTokens ends;
  std::vector<std::string> notes;  // for people: what another reader of the file does otherwise
};

/// Errors: `invalid_tokenizer` (not JSON, a wrong type, parts that contradict each other) and
/// `unsupported_tokenizer` (well-formed, of another family), naming the part and what is supported.
Result<TokenizerModel> read_tokenizer_json(std::string json);

}  // namespace trinity::text
