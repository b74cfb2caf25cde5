// What somebody may have meant by a word that is unknown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

/// " (did you mean route?)" for the known word that a few typing mistakes turn into `word`, or that
/// begins with it; nothing when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace trinity
