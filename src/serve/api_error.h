// What a request that failed is answered: a status, an error in the dialect's words, and whether
// asking again makes sense.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <optional>

#include "provider/member.h"

namespace trinity::serve {

struct ApiError {
  int status = 500;
  Error error;
  /// `x-should-retry`: clients ask up to three times for what fails with 408, 409, 429 and 5xx.
  /// Once money may have been spent, they must not. Nothing: theirs to decide.
  std::optional<bool> should_retry;
  std::optional<std::chrono::milliseconds> retry_after;
};

/// Of an error of this program, by its tag and kind. `spent`: a member was asked before.
ApiError api_error(const Error& error, bool spent = false);

/// Of a member that failed. `spent` as above, of the calls before this one.
ApiError api_error(const provider::Failure& failure, bool spent = false);

}  // namespace trinity::serve
