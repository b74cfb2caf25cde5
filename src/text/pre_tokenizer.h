// The split of a text run into the pieces that are merged separately.
//
// The pieces are the matches of the Qwen2/Qwen3 split regex, first alternative first:
//
//   (?i:'s|'t|'re|'ve|'m|'ll|'d)        contraction (U+017F counts as s)
//   [^\r\n\p{L}\p{N}]?\p{L}+            letters, with one character of any other kind before them
//   \p{N}                               a single digit
//   ' '?[^\s\p{L}\p{N}]+[\r\n]*         punctuation, with a space before and line breaks behind
//   \s*[\r\n]+                          white space up to its last line break
//   \s+(?!\S)                           white space without its last character, or at the end
//   \s+                                 white space
//
// They cover the text without gaps. This is a hand-written scanner: every alternative is decided by
// the class of one or two characters and the extent of one run, so no character is read more than a
// few times and the work is linear on any input.
#pragma once

#include <cstddef>
#include <string_view>

namespace trinity::text {

/// The one split regex that is implemented, as it stands in `tokenizer.json`.
extern const std::string_view supported_split_regex;

/// End of the piece that begins at `begin` (< text.size()). `text` is well-formed UTF-8 and `begin`
/// is 0 or the end of a piece. The end of `text` counts as the end of input for `(?!\S)`.
std::size_t piece_end(std::string_view text, std::size_t begin);

}  // namespace trinity::text
