// The two scripts that budgets in a Redis are made of, and the commands that call them.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/budget.h"
#include "ledger/resp.h"

namespace trinity::ledger {

/// A budget of one subject in one window, as a hash of the Redis.
struct SharedWindow {
  std::string key;
  std::string subject;
  Period period = Period::total;
  Caps caps;
  std::optional<Instant> ends;
};

/// The windows whose budgets apply to the subjects at this time. Their keys lie in one slot of a
/// cluster.
std::vector<SharedWindow> shared_windows(const std::vector<Budget>& budgets,
                                         const std::vector<std::string>& subjects,
                                         const std::string& prefix, Instant now);

/// The key under which a reservation waits for its settlement.
std::string reservation_key(const std::string& prefix, const std::string& id);

std::vector<std::string> reserve_command(const std::string& reservation,
                                         const std::vector<SharedWindow>& windows,
                                         const Amount& amount, Instant now);
std::vector<std::string> settle_command(const std::string& reservation,
                                        const std::vector<SharedWindow>& windows,
                                        const Amount& reserved, const Amount& actual);

/// What the reply to a reserve_command says: nothing when it is granted, or which budget refuses.
/// Error `redis_failed`.
Result<std::optional<Refusal>> refusal_in(const RespReply& reply,
                                          const std::vector<SharedWindow>& windows,
                                          const Amount& amount);
/// The same of a settle_command: whether it was settled now.
Result<bool> settled_in(const RespReply& reply);

}  // namespace trinity::ledger
