#include "coordinate/roles.h"

#include "base/embedded_file.h"
#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "coordinate/loop_profile.h"
#include "coordinate/words.h"

namespace trinity::coordinate {

std::span<const EmbeddedFile> embedded_prompts();

namespace {

constexpr std::size_t kMaxPromptBytes = 64 << 10;
constexpr std::string_view kSuffix = ".md";

std::string stem_of(std::string_view file) {
  return std::string(file.substr(0, file.size() - kSuffix.size()));
}

}  // namespace

const char* loop_profile_name(LoopProfile profile) {
  switch (profile) {
    case LoopProfile::reference:
      return "reference";
    case LoopProfile::safe:
      return "safe";
    case LoopProfile::author:
      return "author";
  }
  return "";
}

Result<LoopProfile> parse_loop_profile(std::string_view name) {
  for (const LoopProfile profile : {LoopProfile::reference, LoopProfile::safe, LoopProfile::author})
    if (name == loop_profile_name(profile)) return profile;
  return fail(ErrorKind::usage, "invalid_loop_profile",
              "'" + excerpt(name) + "' is no loop profile; give reference, safe or author");
}

std::string normalize_role(std::string_view name) {
  const std::string word = lower(trimmed(name));
  if (word == "0" || word == "solver" || word == "w" || word == "worker") return "Worker";
  if (word == "1" || word == "t" || word == "thinker") return "Thinker";
  if (word == "2" || word == "v" || word == "verifier") return "Verifier";
  return std::string(name);
}

std::string normalize_role(int id) {
  return id >= 0 && id <= 2 ? normalize_role(std::to_string(id)) : "UnknownRole";
}

Role role_of(std::string_view name) {
  const std::string role = normalize_role(name);
  if (role == "Worker") return Role::worker;
  if (role == "Thinker") return Role::thinker;
  return role == "Verifier" ? Role::verifier : Role::unknown;
}

const char* role_symbol(Role role) {
  switch (role) {
    case Role::worker:
      return "worker";
    case Role::thinker:
      return "thinker";
    case Role::verifier:
      return "verifier";
    case Role::unknown:
      break;
  }
  return "unknown";
}

std::optional<int> role_number(Role role) {
  if (role == Role::unknown) return std::nullopt;
  return static_cast<int>(role);
}

RolePrompts::RolePrompts() {
  for (const EmbeddedFile& file : embedded_prompts())
    texts_[stem_of(file.name)] = std::string(trimmed(file.bytes));
}

Result<RolePrompts> RolePrompts::load(const std::filesystem::path& folder) {
  RolePrompts prompts;
  std::error_code failure;
  std::filesystem::directory_iterator entries(folder, failure);
  if (failure)
    return fail(ErrorKind::missing, "missing_file",
                "there is no folder of prompts '" + excerpt(folder.string()) + "' (" +
                    failure.message() + "); name one that holds files such as worker.md");
  for (const auto& entry : entries) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(kSuffix) || file == "README.md") continue;
    const auto known = prompts.texts_.find(stem_of(file));
    if (known == prompts.texts_.end()) {
      std::string names;
      for (const auto& [name, text] : prompts.texts_) names += (names.empty() ? "" : ", ") + name;
      return fail(ErrorKind::invalid_input, "unknown_prompt",
                  "'" + excerpt(file) + "' in '" + excerpt(folder.string()) +
                      "' is no prompt of this program, which has " + names +
                      "; rename or remove the file");
    }
    Result<std::string> text = read_text_file(entry.path(), kMaxPromptBytes);
    if (!text && text.error().tag != "file_too_large") return tl::unexpected(text.error());
    if (!text || !is_valid_utf8(*text) || trimmed(*text).empty())
      return fail(
          ErrorKind::invalid_input, "invalid_prompt",
          "the prompt '" + excerpt(entry.path().string()) +
              "' is blank, larger than 64 KiB or not UTF-8; write a text into it, or remove "
              "it to use the built-in one");
    known->second = std::string(trimmed(*text));
  }
  return prompts;
}

const std::string& RolePrompts::text(std::string_view name) const {
  static const std::string nothing;
  const auto found = texts_.find(name);
  return found == texts_.end() ? nothing : found->second;
}

std::string RolePrompts::of(Role role, const VerdictTokens& tokens) const {
  const std::string& prompt = text(role == Role::unknown ? "assistant" : role_symbol(role));
  return replaced(replaced(prompt, "{accept}", trimmed(tokens.accept)), "{revise}",
                  trimmed(tokens.revise));
}

std::vector<Message> with_role_prompt(const RolePrompts& prompts, Role role,
                                      const VerdictTokens& tokens,
                                      std::span<const Message> messages) {
  std::vector<Message> out;
  out.reserve(messages.size() + 1);
  out.push_back({"system", prompts.of(role, tokens)});
  out.insert(out.end(), messages.begin(), messages.end());
  return out;
}

}  // namespace trinity::coordinate
