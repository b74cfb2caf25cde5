// Early return for Result and Status, so that a sequence of fallible steps reads as a sequence.
//
//   TRINITY_TRY(auto tensor, checkpoint.tensor(name));  // the value, or return the error
//
//   TRINITY_CHECK(backend.synchronize());  // for Status
#pragma once

#include <trinity/error.h>

#include <utility>

#define TRINITY_TRY_CONCAT_INNER(a, b) a##b
#define TRINITY_TRY_CONCAT(a, b) TRINITY_TRY_CONCAT_INNER(a, b)

#define TRINITY_TRY_IMPL(result, declaration, ...)                                   \
  auto result = (__VA_ARGS__);                                                       \
  if (!result) return ::tl::unexpected<::trinity::Error>(std::move(result.error())); \
  declaration = std::move(*result)

// __COUNTER__ and not __LINE__: a lambda in the argument may use these macros too.
#define TRINITY_TRY(declaration, ...) \
  TRINITY_TRY_IMPL(TRINITY_TRY_CONCAT(try_result_, __COUNTER__), declaration, __VA_ARGS__)

#define TRINITY_CHECK_IMPL(status, ...)                                                \
  do {                                                                                 \
    auto status = (__VA_ARGS__);                                                       \
    if (!status) return ::tl::unexpected<::trinity::Error>(std::move(status.error())); \
  } while (false)

#define TRINITY_CHECK(...) \
  TRINITY_CHECK_IMPL(TRINITY_TRY_CONCAT(try_status_, __COUNTER__), __VA_ARGS__)
