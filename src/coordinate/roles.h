// Roles: their names, numbers and prompts.
//
// A role is named by what the head's role output stands for (Worker, Thinker, Verifier, or any
// other text). Prompts are files of prompts/, compiled in, and replaced file by file by a folder of
// the user; each explains the protocol by which the loop reads the reply.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::coordinate {

enum class Role { worker, thinker, verifier, unknown };

/// "Worker" for 0, "solver", "w", ...; "Thinker" and "Verifier" likewise; any other text as it is.
std::string normalize_role(std::string_view name);
/// The same for 0, 1 and 2; "UnknownRole" for any other.
std::string normalize_role(int id);
Role role_of(std::string_view name);
/// "worker", "thinker", "verifier" or "unknown".
const char* role_symbol(Role role);
/// 0, 1, 2; nothing for an unknown role.
std::optional<int> role_number(Role role);

/// Words that each built-in prompt begins with, for tests and for members that play their part.
inline constexpr std::string_view kWorkerMark = "You are the Worker of a team";
inline constexpr std::string_view kThinkerMark = "You are the Thinker of a team";
inline constexpr std::string_view kVerifierMark = "You are the Verifier of a team";

/// What a Verifier begins its reply with.
struct VerdictTokens {
  std::string accept = "ACCEPT";
  std::string revise = "REVISE";
};

/// The files of prompts/ by their names without ".md".
class RolePrompts {
 public:
  RolePrompts();  // the built-in ones
  /// Errors: `missing_file` (no such folder), `unknown_prompt` (a file.md that is none of them),
  /// `invalid_prompt` (blank, larger than 64 KiB or not UTF-8), `unreadable_file`.
  static Result<RolePrompts> load(const std::filesystem::path& folder);

  /// Empty for a name that there is not.
  const std::string& text(std::string_view name) const;
  /// Of a role in the profiles reference and safe, its words filled in.
  std::string of(Role role, const VerdictTokens& tokens) const;

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

/// The role's prompt as a system message before a copy of the messages.
std::vector<Message> with_role_prompt(const RolePrompts& prompts, Role role,
                                      const VerdictTokens& tokens,
                                      std::span<const Message> messages);

}  // namespace trinity::coordinate
