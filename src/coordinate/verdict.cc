#include "coordinate/verdict.h"

#include <array>

#include "coordinate/words.h"

namespace trinity::coordinate {
namespace {

constexpr std::string_view kReject = "REJECT";
constexpr std::string_view kDash = "—";

bool begins_with_token(std::string_view upper_text, std::string_view token) {
  if (token.empty() || !upper_text.starts_with(token)) return false;
  const std::string_view rest = upper_text.substr(token.size());
  if (rest.empty()) return true;
  constexpr std::array<std::string_view, 6> kEnds = {":", " ", "-", kDash, "\n", "\r\n"};
  for (const std::string_view end : kEnds)
    if (rest.starts_with(end)) return true;
  return false;
}

std::string_view without_run(std::string_view text, std::string_view mark) {
  text = trimmed_front(text);
  while (text.starts_with(mark)) text.remove_prefix(mark.size());
  return text;
}

std::optional<std::string> diagnosis_in(std::string_view text) {
  for (const std::string_view mark : {std::string_view(":"), std::string_view("-"), kDash})
    text = without_run(text, mark);
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

}  // namespace

const char* verdict_status_name(VerdictStatus status) {
  switch (status) {
    case VerdictStatus::accepted:
      return "accepted";
    case VerdictStatus::revised:
      return "revised";
    case VerdictStatus::unknown:
      break;
  }
  return "unknown";
}

Verdict parse_verdict(std::string_view reply, const VerdictTokens& tokens) {
  const std::string_view text = trimmed(reply);
  const std::string large = upper(text);
  const struct {
    std::string token;
    VerdictStatus status;
  } known[] = {{upper(trimmed(tokens.accept)), VerdictStatus::accepted},
               {upper(trimmed(tokens.revise)), VerdictStatus::revised},
               {std::string(kReject), VerdictStatus::revised}};
  for (const auto& [token, status] : known)
    if (begins_with_token(large, token))
      return {status, token, std::string(text), diagnosis_in(text.substr(token.size()))};
  return {VerdictStatus::unknown, "", std::string(text), std::string(text)};
}

Verdict parse_author_verdict(std::string_view reply) {
  constexpr std::string_view kAccept = "ACCEPT";
  const std::string_view text = trimmed(reply);
  const std::string large = upper(text);
  const bool accepts = large.find(kAccept) != std::string::npos;
  const bool rejects = large.find(kReject) != std::string::npos;
  Verdict verdict{VerdictStatus::revised, "", std::string(text), std::nullopt};
  if (large.starts_with(kAccept) || (!large.starts_with(kReject) && accepts && !rejects)) {
    verdict.status = VerdictStatus::accepted;
    verdict.token = kAccept;
  } else if (rejects) {
    verdict.token = kReject;
  }
  if (large.starts_with(verdict.token))
    verdict.diagnosis = diagnosis_in(text.substr(verdict.token.size()));
  else
    verdict.diagnosis = std::string(text);
  return verdict;
}

VerdictStatus safe_status(VerdictStatus status) {
  return status == VerdictStatus::unknown ? VerdictStatus::revised : status;
}

bool is_accepted(std::string_view role_name, const Verdict& verdict) {
  return role_of(role_name) == Role::verifier && verdict.status == VerdictStatus::accepted;
}

}  // namespace trinity::coordinate
