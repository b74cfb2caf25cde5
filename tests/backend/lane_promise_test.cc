// What a machine keeps of a lane's claim, with made-up entries whose probes fail.
#include "backend_registry/lane_promise.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "backend/held_to.h"
#include "backend/reference/reference_backend.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

constexpr const char* kSentence = "a row of a batch has other bits than the row alone";

std::optional<std::string> here() { return std::nullopt; }
std::optional<std::string> not_here() { return "no such processor"; }
std::optional<std::string> kept() { return std::nullopt; }
std::optional<std::string> broken() { return kSentence; }

std::atomic<int> probes = 0;
std::optional<std::string> counted() {
  ++probes;
  return kSentence;
}

BackendEntry entry(Exactness claim, std::optional<std::string> (*probe)(),
                   std::optional<std::string> (*unavailable)() = here) {
  BackendEntry out;
  out.id = "made_up";
  out.description = "a lane of this test";
  out.exactness = claim;
  out.unavailable_reason = unavailable;
  out.create = [](const BackendOptions&) -> Result<std::unique_ptr<Backend>> {
    return make_reference_backend(ReferenceRounding::f32);
  };
  out.broken_promise = probe;
  return out;
}

TEST(LanePromise, WithoutAProbeOrWithOneThatFindsNothingTheClaimHolds) {
  for (const Exactness claim :
       {Exactness::oracle, Exactness::exact, Exactness::bit_stable, Exactness::decision_stable})
    for (const auto probe : {static_cast<decltype(&kept)>(nullptr), &kept}) {
      const LanePromise promise = promise_of(entry(claim, probe));
      EXPECT_EQ(promise.kept, claim);
      EXPECT_EQ(promise.broken, "");
    }
}

TEST(LanePromise, AProbeThatFindsSomethingLeavesDecisions) {
  for (const Exactness claim : {Exactness::exact, Exactness::bit_stable}) {
    const LanePromise promise = promise_of(entry(claim, broken));
    EXPECT_EQ(promise.kept, Exactness::decision_stable);
    EXPECT_EQ(promise.broken, kSentence);
  }
}

TEST(LanePromise, AProbeRunsOnceAndOnlyWhenAskedFor) {
  const BackendEntry one = entry(Exactness::bit_stable, counted);
  EXPECT_EQ(probes, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { EXPECT_EQ(promise_of(one).broken, kSentence); });
  for (std::thread& thread : threads) thread.join();
  (void)promise_of(one);
  EXPECT_EQ(probes, 1);
}

TEST(LanePromise, ALaneThatCannotRunIsNotProbed) {
  const LanePromise promise = promise_of(entry(Exactness::bit_stable, broken, not_here));
  EXPECT_EQ(promise.kept, Exactness::bit_stable);
  EXPECT_EQ(promise.broken, "");
}

TEST(LanePromise, ComparisonsAreRelaxedForALaneWithoutDefinedBitsOnly) {
  const LanePromise lost{Exactness::decision_stable, kSentence};
  EXPECT_EQ(held_to(Exactness::bit_stable, lost), Exactness::decision_stable);
  EXPECT_EQ(held_to(Exactness::exact, lost), Exactness::exact);
  EXPECT_EQ(held_to(Exactness::oracle, lost), Exactness::oracle);
  EXPECT_EQ(held_to(Exactness::bit_stable, {Exactness::bit_stable, {}}), Exactness::bit_stable);
}

TEST(LanePromise, TestsPrintWhichPromiseWasNotKept) {
  ::testing::internal::CaptureStdout();
  EXPECT_FALSE(held_to_bits(entry(Exactness::bit_stable, broken)));
  EXPECT_TRUE(held_to_bits(entry(Exactness::bit_stable, kept)));
  const std::string printed = ::testing::internal::GetCapturedStdout();
  EXPECT_NE(printed.find("PROMISE NOT KEPT: made_up is not bit-stable here"), std::string::npos)
      << printed;
  EXPECT_NE(printed.find(kSentence), std::string::npos);
  EXPECT_TRUE(held_to_bits(entry(Exactness::exact, broken))) << "nothing is relaxed for it";
}

TEST(LanePromise, RowsAreComparedAsTheLaneIsHeldTo) {
  const std::vector<float> want = {1, -2, 3}, close = {1, -2.00001F, 3}, far = {1, -2, 4};
  EXPECT_TRUE(same_row(true, "cpu_f32", want, want));
  EXPECT_FALSE(same_row(true, "cpu_f32", close, want));
  EXPECT_TRUE(same_row(false, "cpu_f32", close, want));
  EXPECT_FALSE(same_row(false, "cpu_f32", far, want));
  EXPECT_FALSE(same_row(false, "cpu_f32", {}, want));
}

TEST(LanePromise, ABackendOfTheRegistryKnowsWhatIsKept) {
  for (const BackendEntry& one : backend_registry()) {
    const auto backend = create_backend(one.id, {1});
    if (!backend) continue;
    EXPECT_EQ((*backend)->promise().kept, promise_of(one).kept) << one.id;
    EXPECT_EQ((*backend)->promise().broken, promise_of(one).broken) << one.id;
  }
  const auto own = make_reference_backend(ReferenceRounding::f32);
  EXPECT_EQ(own->promise().kept, Exactness::oracle) << "its claim, when nobody said otherwise";
}

TEST(LanePromise, NamesAreTheWordsOfTheDocumentation) {
  EXPECT_STREQ(exactness_name(Exactness::oracle), "oracle");
  EXPECT_STREQ(exactness_name(Exactness::exact), "exact");
  EXPECT_STREQ(exactness_name(Exactness::bit_stable), "bit-stable");
  EXPECT_STREQ(exactness_name(Exactness::decision_stable), "decision-stable");
  EXPECT_TRUE(promises_bits(Exactness::exact));
  EXPECT_FALSE(promises_bits(Exactness::decision_stable));
}

}  // namespace
}  // namespace trinity::testing
