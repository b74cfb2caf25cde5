#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace trinity {
namespace {

TEST(ParallelFor, DoesEveryPieceOnce) {
  for (const std::size_t pieces : {0U, 1U, 2U, 1000U}) {
    std::vector<std::atomic<int>> done(pieces);
    parallel_for(pieces, [&](std::size_t piece) { ++done[piece]; });
    for (const auto& one : done) EXPECT_EQ(one, 1);
  }
}

TEST(ParallelFor, HandsOnWhatIsThrownWhenAllHaveEnded) {
  std::atomic<int> running = 0;
  EXPECT_THROW(parallel_for(1000,
                            [&](std::size_t piece) {
                              ++running;
                              --running;
                              if (piece == 3) throw std::runtime_error("three");
                            }),
               std::runtime_error);
  EXPECT_EQ(running, 0);
}

}  // namespace
}  // namespace trinity
