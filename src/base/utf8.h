// Strict UTF-8 validation (Unicode Standard, table 3-7): no overlong forms, no surrogates, nothing
// above U+10FFFF, no cut sequences.
#pragma once

#include <cstddef>
#include <string_view>

namespace trinity {

bool is_valid_utf8(std::string_view text);

/// Byte offset of the first byte of the first ill-formed sequence; text.size() if there is none.
std::size_t first_invalid_utf8(std::string_view text);

}  // namespace trinity
