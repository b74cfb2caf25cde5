// The built-in cases on the fast lanes, and the short ones on the others.
#include "prove/tiny_router_cases.h"

#include "backend/plugin_lanes.h"

namespace trinity::testing {
namespace {

class TinyRouterCases : public ::testing::TestWithParam<std::string> {};

TEST_P(TinyRouterCases, AllPass) {
  expect_built_in_cases_pass(GetParam(), [](const prove::EvalCase&) { return true; });
}

INSTANTIATE_TEST_SUITE_P(Lanes, TinyRouterCases,
                         ::testing::Values("cpu_f32", "cpu_bf16", "cpu_int8"),
                         [](const auto& lane) { return lane.param; });

class ShortTinyRouterCases : public ::testing::TestWithParam<std::string> {};

TEST_P(ShortTinyRouterCases, AllPass) { expect_built_in_cases_pass(GetParam(), is_short); }

INSTANTIATE_TEST_SUITE_P(Lanes, ShortTinyRouterCases,
                         ::testing::Values("reference", "reference_bf16", "mlx", "mlx_fast",
                                           plugin_lane("plugin_openblas")),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
