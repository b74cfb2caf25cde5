// Text to token ids and back, as the Qwen2/Qwen3 `tokenizer.json` files define it.
//
// The pipeline: added tokens are cut out of literal spans; everything between two of them is one
// text run, normalised to NFC (text/nfc.h), split into pieces (text/pre_tokenizer.h) and merged
// (text/bpe.h). A loaded tokenizer is immutable: any number of threads may encode with it at once,
// and equal input gives equal ids. Encoding adds no begin or end token; `with_ends` adds those that
// the file's post-processor has, for a text that stands alone.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/post_processor.h"

namespace trinity::text {

/// What the text of an added token (`<|im_end|>`, `<think>`, ...) means inside a span.
enum class SpecialTokens {
  plain,  // ordinary text: content supplied by users
  parse,  // the token's single id: literals of a template
};

/// A part of the input. Neighbouring `parse` spans count as one literal; an added token is never
/// found across the border of a `plain` span. The views must outlive the call they are given to.
struct Span {
  std::string_view text;
  SpecialTokens policy = SpecialTokens::plain;
};

class Tokenizer {
 public:
  /// Reads a `tokenizer.json`. Errors: those of read_json_file and of `parse`.
  static Result<Tokenizer> load(const std::filesystem::path& tokenizer_json);

  /// The same from memory. Errors: `invalid_tokenizer` (not JSON, a wrong type, ids or merges that
  /// contradict each other), `unsupported_tokenizer` (well-formed, of another family).
  static Result<Tokenizer> parse(std::string_view json);

  /// Ids of one span. Errors: `invalid_utf8` with the byte offset, `input_too_long` above 64 MiB.
  Result<std::vector<std::int32_t>> encode(std::string_view text, SpecialTokens policy) const;

  /// Ids of the concatenation of `spans`. The text between two recognised added tokens is one run,
  /// whatever span borders lie in it: pieces and NFC work across them. The offset in `invalid_utf8`
  /// counts from the start of the first span; every span must be valid on its own.
  Result<std::vector<std::int32_t>> encode(std::span<const Span> spans) const;

  /// The ids of a text that stands alone, between the tokens that the file's `post_processor` sets
  /// around every text (Qwen3-Embedding: its end token); the ids themselves when it sets none. What
  /// the chat template renders goes without, as in `apply_chat_template`.
  std::vector<std::int32_t> with_ends(std::vector<std::int32_t> ids) const;

  /// The bytes that `ids` stand for; decode(encode(x)) = NFC(x). Ids cut from the middle of a
  /// longer sequence may end inside a character, so the bytes need not be valid UTF-8 then. Error:
  /// `unknown_token_id`.
  Result<std::string> decode(std::span<const std::int32_t> ids) const;

  /// One more than the largest id that is defined, added tokens included (Qwen3: 151,669).
  std::int32_t vocab_size() const { return vocab_size_; }

  /// The id of the added token with exactly this text, such as `<|im_end|>`.
  std::optional<std::int32_t> added_token_id(std::string_view content) const {
    return added_.id_of(content);
  }

  /// For people: what of the file may surprise.
  const std::vector<std::string>& notes() const { return notes_; }
  void add_note(std::string note) { notes_.push_back(std::move(note)); }

 private:
  friend struct TokenizerBuilder;
  Tokenizer() = default;

  void append_run(std::string_view run, std::vector<std::int32_t>& ids) const;

  Bpe bpe_;
  AddedTokens added_;
  EndTokens ends_;
  std::vector<std::string> notes_;
  std::int32_t vocab_size_ = 0;
};

}  // namespace trinity::text
