// Strict UTF-8 validation (Unicode Standard, table 3-7): no overlong forms, no surrogates, nothing
// above U+10FFFF, no cut sequences. And excerpts of foreign text that are safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trinity {

bool is_valid_utf8(std::string_view text);

/// Byte offset of the first byte of the first ill-formed sequence; text.size() if there is none.
std::size_t first_invalid_utf8(std::string_view text);

/// Length in bytes of the well-formed sequence at the start of a text that is not empty, or 0.
std::size_t utf8_sequence_length(std::string_view text);

/// The start of a foreign text, fit for a message: printable (base/printable.h) and of at most
/// `max_bytes` bytes, "..." following if it was cut; no character or escape is cut in two.
std::string excerpt(std::string_view text, std::size_t max_bytes = 120);

}  // namespace trinity
