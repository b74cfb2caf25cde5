// Small pieces of HTML and SVG text.
#pragma once

#include <string>
#include <string_view>

namespace trinity {

/// Escaped for text and attribute values; control characters become U+FFFD, which keeps the
/// document well-formed.
std::string html_text(std::string_view text);

/// The begin of a foreign text, escaped and isolated, so that its writing direction stays inside.
std::string html_excerpt(std::string_view text, std::size_t max_bytes);

/// A number with as many decimals as its size needs: 0.058, 3.42, 127.
std::string short_number(double value);

}  // namespace trinity
