// Foreign text in HTML: escaped, and safe to look at.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trinity {

/// Escaped for text and attributes. Line breaks and tabs become spaces; what else has no place in a
/// line becomes visible (base/printable.h), so that no character hides or turns what is around it.
std::string html_text(std::string_view text);

/// A foreign text of at most `max_bytes` bytes, "..." following if it was cut, isolated from the
/// direction of what is around it.
std::string html_excerpt(std::string_view text, std::size_t max_bytes);

/// A number with as many decimals as its size needs: 0.058, 3.42, 127.
std::string short_number(double value);

}  // namespace trinity
