// One connection to a Redis server with blocking calls, each of which ends in time.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "ledger/resp.h"

namespace trinity::ledger {

struct RedisServer {
  std::string host = "127.0.0.1";
  std::string port = "6379";
  std::string user, password;  // empty: none
  int database = 0;
  std::chrono::milliseconds timeout{1'000};  // for connecting, and for every answer
};

class RedisConnection {
 public:
  /// Connects, names user and password, chooses the database. Errors: `redis_unreachable`,
  /// `redis_refused` (what it says to these), `invalid_reply`.
  static Result<RedisConnection> open(const RedisServer& server);

  /// Sends commands in one go and reads a reply for each. After an error the connection is of no
  /// use, and the commands may have been carried out.
  Result<std::vector<RespReply>> exchange(const std::vector<std::vector<std::string>>& commands);

 private:
  RedisConnection(Descriptor socket, RedisServer server);
  tl::unexpected<Error> broken(const std::string& what) const;
  Status send(std::string_view bytes);
  Status receive(std::chrono::steady_clock::time_point end);

  Descriptor socket_;
  RedisServer server_;
  std::string received_;
};

}  // namespace trinity::ledger
