// What tests hold a lane to on this machine.
//
// A lane that promises bits is compared bit by bit. Where the machine does not keep that promise
// (backend_registry/lane_promise.h), the comparison becomes one of what decisions follow from, and
// the test prints which promise was not kept. For exact lanes and oracles nothing is relaxed.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "backend/lane_tolerances.h"
#include "backend_registry/lane_promise.h"
#include "backend_registry/registry.h"

namespace trinity::testing {

/// The same for an entry that need not be in the registry.
inline bool held_to_bits(const backend::BackendEntry& entry) {
  const backend::LanePromise promise = promise_of(entry);
  const bool bits = backend::promises_bits(held_to(entry.exactness, promise));
  if (promise.broken.empty()) return bits;
  static std::set<std::string> told;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = test == nullptr ? "" : test->name();
  if (told.insert(entry.id + " " + name).second)
    std::cout << "PROMISE NOT KEPT: " << entry.id << " is not "
              << backend::exactness_name(entry.exactness) << " here, " << promise.broken << "; "
              << (bits ? "its bits are compared all the same" : "decisions are compared, not bits")
              << ".\n";
  return bits;
}

/// Whether equal tokens must give equal bits in a lane here. A lane outside the registry (a
/// plugin's) is held to bits by the tests that name it. Not for several threads at once.
inline bool held_to_bits(const std::string& lane) {
  const backend::BackendEntry* entry = backend::find_backend(lane);
  return entry == nullptr || held_to_bits(*entry);
}

/// Lanes that claim bits and are fast enough for large inputs; one that cannot run here skips
/// itself.
inline std::vector<std::string> fast_bit_lanes() {
  std::vector<std::string> ids;
  for (const backend::BackendEntry& entry : backend::backend_registry())
    if (backend::promises_bits(entry.exactness) && !entry.id.starts_with("reference"))
      ids.push_back(entry.id);
  return ids;
}

/// Whether two computations of one row are the same: in every bit, or, without `bits`, within what
/// moves no decision but a close one.
inline ::testing::AssertionResult same_row(bool bits, const std::string& lane,
                                           std::span<const float> got,
                                           std::span<const float> want) {
  if (got.size() != want.size())
    return ::testing::AssertionFailure() << got.size() << " values instead of " << want.size();
  double error = 0, length = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (bits && !(got[i] == want[i]))
      return ::testing::AssertionFailure()
             << "value " << i << " is " << got[i] << " instead of " << want[i];
    error += std::pow(double{got[i]} - double{want[i]}, 2);
    length += std::pow(double{want[i]}, 2);
  }
  if (bits) return ::testing::AssertionSuccess();
  // Rounding of products that went another way, a few layers deep.
  const auto limits = backend::lane_tolerances(lane);
  const double limit = std::max(1e-4, limits ? 20 * limits->linear.row : 0);
  if (std::sqrt(error) <= limit * std::sqrt(length)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the row is away by " << std::sqrt(error / length)
                                       << " of its length, more than " << limit;
}

/// As the lane is held to here.
inline ::testing::AssertionResult same_row(const std::string& lane, std::span<const float> got,
                                           std::span<const float> want) {
  return same_row(held_to_bits(lane), lane, got, want);
}

}  // namespace trinity::testing
