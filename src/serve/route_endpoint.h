// POST /v1/route: decisions without a turn, for whoever calls the members himself.
//
// The body is a record as `trinity route --json` reads it (`messages`, `text` or `ids`, and an
// `id`), or {"inputs": [record, ...]}, whose answer is a list in the same order; a bad record of a
// list gets an error object in its place.
#pragma once

#include <trinity/router.h>

#include <string>
#include <string_view>
#include <vector>

namespace trinity::serve {

struct RouteAnswer {
  int status = 200;
  std::string body;
};

/// `members`: who answers for each agent of the head; put into each decision as `member`. Waits for
/// the router.
Result<RouteAnswer> answer_route(const Router& router, const std::vector<std::string>& members,
                                 std::string_view body, const RequestOptions& request);

}  // namespace trinity::serve
