// A build without MLX says so, and how to change that.
#include <gtest/gtest.h>

#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

TEST(MlxAbsent, BothLanesAreListedAndSayHowToGetThem) {
  int lanes = 0;
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    if (entry.id != "mlx" && entry.id != "mlx_fast") continue;
    ++lanes;
    const auto reason = entry.unavailable_reason();
    ASSERT_TRUE(reason) << entry.id;
    EXPECT_NE(reason->find("tools/install_mlx.sh"), std::string::npos) << *reason;
    const auto refused = backend::create_backend(entry.id, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().tag, "backend_unavailable");
    EXPECT_EQ(refused.error().kind, ErrorKind::missing);
  }
  EXPECT_EQ(lanes, 2);
}

TEST(MlxLane, IsNotTested) {
  GTEST_SKIP() << "SKIPPED: this build has no MLX; run tools/install_mlx.sh and configure again";
}

}  // namespace
}  // namespace trinity::testing
