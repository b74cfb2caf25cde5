// Values out of a Result, for tests that expect one.
#pragma once

#include <trinity/error.h>

#include <stdexcept>
#include <utility>

namespace trinity::testing {

/// The value of a Result, or a test failure by exception that names the error.
template <typename Value>
Value take(Result<Value> result) {
  if (!result) throw std::runtime_error(result.error().tag + ": " + result.error().message);
  return std::move(*result);
}
inline void require(const Status& status) {
  if (!status) throw std::runtime_error(status.error().tag + ": " + status.error().message);
}

}  // namespace trinity::testing
