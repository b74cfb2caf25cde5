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

#define TRINITY_TRY(declaration, ...) \
  TRINITY_TRY_IMPL(TRINITY_TRY_CONCAT(try_result_, __LINE__), declaration, __VA_ARGS__)

#define TRINITY_CHECK(...)                                                                     \
  do {                                                                                         \
    auto try_status = (__VA_ARGS__);                                                           \
    if (!try_status) return ::tl::unexpected<::trinity::Error>(std::move(try_status.error())); \
  } while (false)
