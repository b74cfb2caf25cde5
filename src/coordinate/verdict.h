// What a Verifier's reply says, by its beginning.
//
// A token counts when the reply equals it or begins with it followed by ":", a space, "-", "—" or
// the end of the line, in any case of its letters: "ACCEPTED" and "I ACCEPT this" are no verdict. A
// reply without one is unknown, which never accepts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coordinate/roles.h"

namespace trinity::coordinate {

enum class VerdictStatus { accepted, revised, unknown };
/// "accepted", "revised" or "unknown".
const char* verdict_status_name(VerdictStatus status);

struct Verdict {
  VerdictStatus status = VerdictStatus::unknown;
  std::string token;                     // that matched; empty when none did
  std::string raw;                       // the reply, trimmed
  std::optional<std::string> diagnosis;  // what follows the token; of an unknown verdict the reply
};

/// "REJECT" means what the revise token means. An empty token never matches.
Verdict parse_verdict(std::string_view reply, const VerdictTokens& tokens = {});
/// The authors' rule: begins with ACCEPT or REJECT, else holds exactly one of them, else revised.
Verdict parse_author_verdict(std::string_view reply);

/// An unknown verdict asks for revision.
VerdictStatus safe_status(VerdictStatus status);
/// Only a Verifier accepts.
bool is_accepted(std::string_view role_name, const Verdict& verdict);

}  // namespace trinity::coordinate
