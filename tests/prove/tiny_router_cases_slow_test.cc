// Every built-in case on the lanes that take long for it.
#include "backend/plugin_lanes.h"
#include "prove/tiny_router_cases.h"

namespace trinity::testing {
namespace {

class SlowTinyRouterCases : public ::testing::TestWithParam<std::string> {};

TEST_P(SlowTinyRouterCases, AllPass) {
  expect_built_in_cases_pass(GetParam(), [](const prove::EvalCase&) { return true; });
}

INSTANTIATE_TEST_SUITE_P(Lanes, SlowTinyRouterCases,
                         ::testing::Values("reference", "reference_bf16", "mlx", "mlx_fast",
                                           plugin_lane("plugin_openblas")),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
