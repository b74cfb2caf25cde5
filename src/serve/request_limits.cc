#include "serve/request_limits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "base/try.h"

namespace trinity::serve {
namespace {

using std::chrono::milliseconds;

constexpr double kMostSeconds = 1e7, kMostUsd = 1e6;
constexpr std::int64_t kMostCount = ledger::kMostOfOneCall;

tl::unexpected<Error> bad(const std::string& field, const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_request", field + ": must be " + what);
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// Rounded up: a patience of 0.1 ms is not one of nothing.
milliseconds in_time(double seconds) {
  return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(seconds, kMostSeconds) * 1e3)));
}

void tighten(std::optional<milliseconds>& time, milliseconds other) {
  time = std::min(time.value_or(other), other);
}

Status read_count(const Json& own, const char* name, std::optional<std::int64_t>& into) {
  const Json& value = own[name];
  if (value.is_null()) return {};
  const auto count = value.to_int64();
  if (!count || *count < 0)
    return bad(std::string("trinity.") + name, "a whole number of at least 0");
  into = std::min(*count, kMostCount);
  return {};
}

Result<std::optional<double>> read_amount(const Json& own, const char* name) {
  const Json& value = own[name];
  if (value.is_null()) return std::optional<double>();
  const auto amount = value.to_double();
  if (!amount || !std::isfinite(*amount) || *amount < 0)
    return bad(std::string("trinity.") + name, "a number of at least 0");
  return amount;
}

Status read_own(const Json& own, RequestLimits& limits) {
  if (!own.is_object()) return bad("trinity", "an object, not " + std::string(own.type_name()));
  TRINITY_CHECK(read_count(own, "max_calls", limits.caps.calls));
  TRINITY_CHECK(read_count(own, "max_tokens", limits.caps.tokens));
  TRINITY_TRY(const auto usd, read_amount(own, "max_cost_usd"));
  if (usd)
    limits.caps.micro_usd = static_cast<std::int64_t>(std::floor(std::min(*usd, kMostUsd) * 1e6));
  TRINITY_TRY(const auto seconds, read_amount(own, "max_seconds"));
  if (seconds) tighten(limits.time, in_time(*seconds));
  return {};
}

}  // namespace

Result<RequestLimits> read_request_limits(const net::Fields& fields, const Json* own) {
  RequestLimits limits;
  if (fields.contains("x-trinity-timeout-ms")) {
    const auto ms = number_of(fields.get("x-trinity-timeout-ms"));
    if (!ms || *ms <= 0) return bad("x-trinity-timeout-ms", "a number of milliseconds above 0");
    tighten(limits.time, in_time(*ms / 1e3));
  }
  if (const auto s = number_of(fields.get("x-stainless-read-timeout")); s && *s > 0)
    tighten(limits.time, in_time(*s));
  if (own != nullptr && !own->is_null()) TRINITY_CHECK(read_own(*own, limits));
  return limits;
}

}  // namespace trinity::serve
