// Whether a check against a live provider may run: only when it was asked for, with a budget and a
// key. The environment is read by whoever calls, and comes in as a map.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace trinity::provider {

inline constexpr std::int64_t kLiveCheckMaxTokens = 16;
inline constexpr std::int64_t kLiveCheckTimeoutMs = 30'000;
inline constexpr double kLiveCheckUsdPer1kTokens = 0.00003;

/// What a live check may spend.
struct LiveCheck {
  double budget_usd = 0;
  std::string api_key;
  std::int64_t max_tokens = kLiveCheckMaxTokens;
  std::int64_t timeout_ms = kLiveCheckTimeoutMs;
};

/// Why it is left out.
enum class LiveCheckSkip { disabled, budget_missing, invalid_budget, api_key_missing };
/// "disabled", ...
const char* live_check_skip_name(LiveCheckSkip skip);

/// Reads TRINITY_ENABLE_PROVIDER_TESTS, TRINITY_PROVIDER_BUDGET_USD and OPENAI_API_KEY,
/// OPENAI_API_KEY_ENV (the name of a variable that holds the key) or TRINITY_OPENAI_API_KEY.
std::variant<LiveCheck, LiveCheckSkip> read_live_check(
    const std::map<std::string, std::string>& environment);

}  // namespace trinity::provider
