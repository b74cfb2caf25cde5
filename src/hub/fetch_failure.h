// Why one attempt at a file failed, and what may still help.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <optional>
#include <tl/expected.hpp>
#include <utility>

#include "hub/http_client.h"

namespace trinity {

enum class Remedy {
  retry,          // the same endpoint may answer later
  next_endpoint,  // this endpoint will not help, another one may
  none,           // a local failure: disk, folder, stopped by the user
};

struct FetchFailure {
  Error error;
  Remedy remedy = Remedy::next_endpoint;
  std::optional<std::chrono::seconds> retry_after;  // asked for by the server
};

template <typename T>
using FetchResult = tl::expected<T, FetchFailure>;

inline tl::unexpected<FetchFailure> fetch_failure(Error error, Remedy remedy) {
  return tl::unexpected(FetchFailure{std::move(error), remedy, std::nullopt});
}

/// A transfer that did not end well.
FetchFailure failure_of_transfer(const HttpOutcome& outcome);

/// An answer that is neither success nor redirect. `where` names the server, `what` the file;
/// `token_sent` makes the advice fit. `at_endpoint` is false on a server that was reached through a
/// redirect, whose address may have expired.
FetchFailure failure_of_status(const HttpResponse& response, const std::string& where,
                               const std::string& what, bool token_sent, bool at_endpoint);

}  // namespace trinity
