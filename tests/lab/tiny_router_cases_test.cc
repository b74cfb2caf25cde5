// The built-in cases on the fast lanes, and the short ones on the oracle.
#include "lab/tiny_router_cases.h"

namespace trinity::testing {
namespace {

class TinyRouterCases : public ::testing::TestWithParam<std::string> {};

TEST_P(TinyRouterCases, AllPass) {
  expect_built_in_cases_pass(GetParam(), [](const EvalCase&) { return true; });
}

INSTANTIATE_TEST_SUITE_P(Lanes, TinyRouterCases,
                         ::testing::Values("cpu_f32", "cpu_bf16", "cpu_int8"),
                         [](const auto& lane) { return lane.param; });

TEST(TinyRouterCasesOnTheOracle, TheShortOnesPass) {
  expect_built_in_cases_pass("reference", [](const EvalCase& one) {
    std::size_t bytes = 0;
    for (const Message& message : one.messages) bytes += message.content.size();
    return bytes < 80;
  });
}

}  // namespace
}  // namespace trinity::testing
