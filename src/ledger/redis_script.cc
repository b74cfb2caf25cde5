#include "ledger/redis_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace trinity::ledger {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kKeptAfterItsEnd = 48h;  // for clocks that differ, and late calls
constexpr std::chrono::seconds kReservationKept = 24h;

// Sent again after a broken connection it changes nothing more.
// KEYS: the reservation, then the windows. ARGV: three amounts, how long the reservation is kept;
// then of each window three caps ("" for none) and its seconds to live (0 for ever).
constexpr const char* kReserve = R"lua(
local kinds = {'micro_usd', 'tokens', 'calls'}
if redis.call('EXISTS', KEYS[1]) == 1 then return {-1, 0, 0} end
for k = 2, #KEYS do
  for i = 1, 3 do
    local cap, asked = ARGV[4 * k - 4 + i], tonumber(ARGV[i])
    if cap ~= '' and asked > 0 then
      local spent = tonumber(redis.call('HGET', KEYS[k], kinds[i]) or '0')
      if spent + asked > tonumber(cap) then return {k - 2, i - 1, spent} end
    end
  end
end
for k = 2, #KEYS do
  for i = 1, 3 do redis.call('HINCRBY', KEYS[k], kinds[i], ARGV[i]) end
  local seconds = tonumber(ARGV[4 * k])
  if seconds > 0 then redis.call('EXPIRE', KEYS[k], seconds) end
end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[4])
return {-1, 0, 0}
)lua";

// KEYS: the same. ARGV: three differences. A window that has expired stays away.
constexpr const char* kSettle = R"lua(
local kinds = {'micro_usd', 'tokens', 'calls'}
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
for k = 2, #KEYS do
  if redis.call('EXISTS', KEYS[k]) == 1 then
    for i = 1, 3 do redis.call('HINCRBY', KEYS[k], kinds[i], ARGV[i]) end
  end
end
return 1
)lua";

std::vector<std::string> script_call(const char* script, const std::string& reservation,
                                     const std::vector<SharedWindow>& windows) {
  std::vector<std::string> words = {"EVAL", script, std::to_string(windows.size() + 1),
                                    reservation};
  for (const SharedWindow& window : windows) words.push_back(window.key);
  return words;
}

tl::unexpected<Error> failed(const RespReply& reply) {
  return fail(
      ErrorKind::failed, "redis_failed",
      fmt::format(
          "the Redis of the shared budgets could not count (\"{}\"); look after its "
          "memory and its configuration",
          reply.type == RespReply::Type::error ? excerpt(reply.text) : "a reply of another kind"));
}

}  // namespace

std::vector<SharedWindow> shared_windows(const std::vector<Budget>& budgets,
                                         const std::vector<std::string>& subjects,
                                         const std::string& prefix, Instant now) {
  std::vector<SharedWindow> windows;
  const Day today = day_of(now);
  const Month month = month_of(today);
  for (auto subject = subjects.begin(); subject != subjects.end(); ++subject) {
    if (std::find(subjects.begin(), subject, *subject) != subject) continue;
    for (const Period period : {Period::total, Period::day, Period::month}) {
      SharedWindow window{{}, *subject, period, caps_of(budgets, *subject, period), {}};
      if (window.caps == Caps{}) continue;
      std::string name = "total";
      if (period == Period::day) {
        name = day_name(today);
        window.ends = end_of_day(today);
      } else if (period == Period::month) {
        name = month_name(month);
        window.ends = end_of_month(month);
      }
      window.key = fmt::format("{{{}}}:spent:{}:{}", prefix, name, *subject);
      windows.push_back(std::move(window));
    }
  }
  return windows;
}

std::string reservation_key(const std::string& prefix, const std::string& id) {
  return fmt::format("{{{}}}:reservation:{}", prefix, id);
}

std::vector<std::string> reserve_command(const std::string& reservation,
                                         const std::vector<SharedWindow>& windows,
                                         const Amount& amount, Instant now) {
  std::vector<std::string> words = script_call(kReserve, reservation, windows);
  for (const Kind& kind : kKinds) words.push_back(std::to_string(amount.*kind.amount));
  words.push_back(std::to_string(kReservationKept.count()));
  for (const SharedWindow& window : windows) {
    for (const Kind& kind : kKinds) {
      const std::optional<std::int64_t>& cap = window.caps.*kind.cap;
      words.push_back(cap ? std::to_string(*cap) : std::string());
    }
    // Seconds and not an instant: clocks that differ must not let a key expire at once.
    const auto left =
        window.ends ? std::chrono::ceil<std::chrono::seconds>(*window.ends - now) + kKeptAfterItsEnd
                    : 0s;
    words.push_back(std::to_string(left.count()));
  }
  return words;
}

std::vector<std::string> settle_command(const std::string& reservation,
                                        const std::vector<SharedWindow>& windows,
                                        const Amount& reserved, const Amount& actual) {
  std::vector<std::string> words = script_call(kSettle, reservation, windows);
  for (const Kind& kind : kKinds)
    words.push_back(std::to_string(actual.*kind.amount - reserved.*kind.amount));
  return words;
}

Result<std::optional<Refusal>> refusal_in(const RespReply& reply,
                                          const std::vector<SharedWindow>& windows,
                                          const Amount& amount) {
  if (reply.type != RespReply::Type::list || reply.elements.size() != 3) return failed(reply);
  for (const RespReply& element : reply.elements)
    if (element.type != RespReply::Type::integer) return failed(element);
  const std::int64_t place = reply.elements[0].integer, of_kind = reply.elements[1].integer;
  if (place == -1) return std::optional<Refusal>();
  if (place < 0 || place >= static_cast<std::int64_t>(windows.size()) || of_kind < 0 || of_kind > 2)
    return failed(reply);
  const SharedWindow& window = windows[static_cast<std::size_t>(place)];
  const Kind& kind = kKinds[of_kind];
  Refusal refusal;
  refusal.subject = window.subject;
  refusal.period = window.period;
  refusal.kind = kind.name;
  refusal.limit = (window.caps.*kind.cap).value_or(0);
  refusal.spent = reply.elements[2].integer;
  refusal.asked = amount.*kind.amount;
  refusal.resets_at = window.ends;
  return std::optional(std::move(refusal));
}

Result<bool> settled_in(const RespReply& reply) {
  if (reply.type != RespReply::Type::integer) return failed(reply);
  return reply.integer == 1;
}

}  // namespace trinity::ledger
