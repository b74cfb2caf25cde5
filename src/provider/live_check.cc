#include "provider/live_check.h"

#include <charconv>
#include <cmath>

namespace trinity::provider {
namespace {

std::string value_of(const std::map<std::string, std::string>& environment,
                     const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return {};
  const std::string& text = found->second;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

const char* live_check_skip_name(LiveCheckSkip skip) {
  switch (skip) {
    case LiveCheckSkip::disabled:
      return "disabled";
    case LiveCheckSkip::budget_missing:
      return "budget_missing";
    case LiveCheckSkip::invalid_budget:
      return "invalid_budget";
    case LiveCheckSkip::api_key_missing:
      return "api_key_missing";
  }
  return "disabled";
}

std::variant<LiveCheck, LiveCheckSkip> read_live_check(
    const std::map<std::string, std::string>& environment) {
  if (value_of(environment, "TRINITY_ENABLE_PROVIDER_TESTS") != "1") return LiveCheckSkip::disabled;
  const std::string budget = value_of(environment, "TRINITY_PROVIDER_BUDGET_USD");
  if (budget.empty()) return LiveCheckSkip::budget_missing;
  LiveCheck check;
  const auto [stop, error] =
      std::from_chars(budget.data(), budget.data() + budget.size(), check.budget_usd);
  if (error != std::errc() || stop != budget.data() + budget.size() ||
      !std::isfinite(check.budget_usd) || check.budget_usd <= 0)
    return LiveCheckSkip::invalid_budget;
  check.api_key = value_of(environment, "OPENAI_API_KEY");
  if (const std::string other = value_of(environment, "OPENAI_API_KEY_ENV");
      check.api_key.empty() && !other.empty())
    check.api_key = value_of(environment, other);
  if (check.api_key.empty()) check.api_key = value_of(environment, "TRINITY_OPENAI_API_KEY");
  if (check.api_key.empty()) return LiveCheckSkip::api_key_missing;
  return check;
}

}  // namespace trinity::provider
