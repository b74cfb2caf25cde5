// The small rules of text that the protocols of the roles share. White space and the case of
// letters are those of ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trinity::coordinate {

std::string_view trimmed(std::string_view text);
std::string_view trimmed_front(std::string_view text);
std::string upper(std::string_view text);
std::string lower(std::string_view text);

/// What stands between the first <tag> and the first </tag> behind it, trimmed; nothing when there
/// is none or it is blank.
std::optional<std::string> tagged(std::string_view text, std::string_view tag);

/// Every `mark` in `text` replaced.
std::string replaced(std::string text, std::string_view mark, std::string_view by);

}  // namespace trinity::coordinate
