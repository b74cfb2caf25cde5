#include "coordinate/suggestion.h"

#include "coordinate/words.h"

namespace trinity::coordinate {

std::optional<Suggestion> parse_suggestion(std::string_view reply) {
  const auto text = tagged(reply, "suggestion"), role = tagged(reply, "suggested_role");
  if (!text || !role) return std::nullopt;
  const std::string word = lower(*role);
  if (word == "solver") return Suggestion{*text, "Worker", 0};
  if (word == "verifier") return Suggestion{*text, "Verifier", 2};
  return std::nullopt;
}

}  // namespace trinity::coordinate
