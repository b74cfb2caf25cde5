// Every built-in case on the oracle.
#include "lab/tiny_router_cases.h"

namespace trinity::testing {
namespace {

TEST(TinyRouterCasesOnTheOracle, AllPass) {
  expect_built_in_cases_pass("reference", [](const EvalCase&) { return true; });
}

}  // namespace
}  // namespace trinity::testing
