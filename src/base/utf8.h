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

/// The start of a text from a file, fit for an error message: valid UTF-8 of at most `max_bytes`
/// bytes
/// ("..." follows if it was cut), with '?' for ill-formed bytes and ASCII control characters, which
/// could steer a terminal.
std::string excerpt(std::string_view text, std::size_t max_bytes = 120);

}  // namespace trinity
