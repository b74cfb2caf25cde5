// Who can take a turn, the one that the router likes best first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinate/loop.h"
#include "provider/pool.h"
#include "serve/run_watch.h"

namespace trinity::serve {

bool is_worker(const std::string& role);

/// The members that can take what a Worker is asked, in the order in which the router wants their
/// slots; for other roles all members. Those that keep to a form of the answer come before those
/// that must be told it in words, who come only when there are no others. `unfit`: why the last one
/// that was passed over cannot; `passed_over`: all of them.
std::vector<const provider::PoolMember*> candidates_for(
    const provider::Pool& pool, const Decision& decision, const coordinate::CallStep& step,
    chat::ChatRequest needs, std::optional<Error>& unfit, std::vector<PassedOver>& passed_over);

}  // namespace trinity::serve
