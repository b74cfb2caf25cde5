// GET /v1/trinity/...: what the page shows, and any other program that watches a server.
//
//   /v1/trinity/status     the server, its router, its pool and its budgets, as they are now
//   /v1/trinity/runs       runs that are remembered, the newest first
//   /v1/trinity/runs/ID    one of them with its turns
//   /v1/trinity/events     the same as it happens, as server-sent events
//
// On a server with keys, runs and events are those of the key that asks, and so is the budget under
// a key's name; status counts what all of them did, as /metrics does.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "serve/request.h"
#include "serve/services.h"

namespace trinity::serve {

/// What the server knows of itself.
struct ServerState {
  std::int64_t began = 0;  // seconds since 1970
  bool draining = false;
};

bool is_monitor_path(std::string_view path);

/// GET or HEAD of such a path.
void answer_monitor(Services& services, const ServerState& state,
                    const std::shared_ptr<Request>& request);

}  // namespace trinity::serve
