// The probe of the CPU lanes: silent where a lane keeps its claim, and able to find that it does
// not.
#include "backend_cpu/lane_probe.h"

#include <gtest/gtest.h>

#include <cfenv>

#include "backend/instruction_set_scope.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trinity::testing {
namespace {

TEST(LaneProbe, ExactLanesKeepTheirClaimOnEveryInstructionSet) {
  for (const std::string& set : cpu::instruction_sets()) {
    const OnlyInstructionSet only(set);
    for (const cpu::CpuLane lane : {cpu::CpuLane::f32, cpu::CpuLane::int8})
      EXPECT_EQ(cpu::probe_lane(lane), std::nullopt) << set;
  }
}

TEST(LaneProbe, AnotherRoundingDirectionIsFound) {
  ASSERT_EQ(std::fesetround(FE_UPWARD), 0);
  const auto broken = cpu::probe_lane(cpu::CpuLane::f32);
  std::fesetround(FE_TONEAREST);
  ASSERT_TRUE(broken);
  EXPECT_NE(broken->find("cpu_f32"), std::string::npos) << *broken;
  EXPECT_NE(broken->find("rounding"), std::string::npos) << *broken;
}

#if defined(__x86_64__)
TEST(LaneProbe, SubnormalNumbersThatAreFlushedAreFound) {
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  const unsigned before = _mm_getcsr();
  for (const unsigned mode : {kFlushToZero, kFlushToZero | kDenormalsAreZero}) {
    _mm_setcsr(before | mode);
    const auto broken = cpu::probe_lane(cpu::CpuLane::int8);
    _mm_setcsr(before);
    ASSERT_TRUE(broken) << mode;
    EXPECT_NE(broken->find("subnormal"), std::string::npos) << *broken;
  }
}
#endif

}  // namespace
}  // namespace trinity::testing
