// Foreign text in HTML: escaped, and safe to look at.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trinity::report {

/// Escaped for text and attributes. Line breaks and tabs become spaces; what else has no place in a
/// line becomes visible (base/printable.h), so that no character hides or turns what is around it.
std::string html_text(std::string_view text);

/// A foreign text of at most `max_bytes` bytes, "..." following if it was cut, isolated from the
/// direction of what is around it.
std::string html_excerpt(std::string_view text, std::size_t max_bytes);

}  // namespace trinity::report
