// A Thinker's word on the next turn: <suggestion>…</suggestion> and <suggested_role>…, both or
// none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trinity::coordinate {

struct Suggestion {
  std::string text;
  std::string role_name;  // "Worker" or "Verifier"
  int role_id = 0;
};

/// Nothing unless both tags are there, neither is blank, and the role is solver or verifier.
std::optional<Suggestion> parse_suggestion(std::string_view reply);

}  // namespace trinity::coordinate
