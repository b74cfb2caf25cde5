// Why one attempt at a file failed, and what may still help.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "hub/http_client.h"

namespace trinity::hub {

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

/// What was asked for, and with what, so that the sentence about a refusal fits.
struct AskedFor {
  std::string where;     // the server
  std::string what;      // the file
  std::string page;      // of the repository, for people
  std::string token;     // what named the token that was sent, for example "HF_TOKEN"; empty = none
  std::string secret;    // the token itself, which a server may echo and nobody is to see
  std::string withheld;  // why a token that there is was not sent; empty = there is none
  bool at_endpoint = true;  // not reached through a redirect, whose address may have expired
};

/// An answer that is neither success nor redirect. What the hub itself says about it
/// (X-Error-Message) is part of the sentence, shortened and without control characters.
FetchFailure failure_of_status(const HttpResponse& response, const AskedFor& asked);

}  // namespace trinity::hub
