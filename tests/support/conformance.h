// Where the tests find the conformance data, and how they say that it is absent.
//
// The data is not part of this repository. TRINITY_CONFORMANCE_DIR (environment, else the CMake
// cache entry of the same name) points at it; a test that needs an absent file is SKIPPED with a
// message that says which one.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace trinity::testing {

inline std::filesystem::path conformance_path(const std::string& relative) {
  const char* from_environment = std::getenv("TRINITY_CONFORMANCE_DIR");
  const std::filesystem::path root = from_environment ? from_environment : TRINITY_CONFORMANCE_DIR;
  return root / relative;
}

}  // namespace trinity::testing

#define TRINITY_REQUIRE_CONFORMANCE(relative)                                     \
  do {                                                                            \
    if (!std::filesystem::exists(::trinity::testing::conformance_path(relative))) \
      GTEST_SKIP() << "SKIPPED: conformance data is absent: "                     \
                   << ::trinity::testing::conformance_path(relative)              \
                   << " (set TRINITY_CONFORMANCE_DIR)";                           \
  } while (false)
