// The address of a Redis as people write it: redis://user:password@host:port/number.
#pragma once

#include <trinity/error.h>

#include <string_view>

#include "ledger/redis_connection.h"

namespace trinity::ledger {

/// Whether the text is meant as one.
bool is_redis_address(std::string_view text);

/// Port 6379 and database 0 where they are not written; user and password with percent escapes.
/// Errors, which never show a password: `invalid_redis_address`.
Result<RedisServer> parse_redis_address(std::string_view text);

/// "redis://host:port/number", without user and password.
std::string redis_address(const RedisServer& server);

}  // namespace trinity::ledger
