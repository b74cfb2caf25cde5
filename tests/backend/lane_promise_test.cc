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

backend::BackendEntry entry(backend::Exactness claim, std::optional<std::string> (*probe)(),
                            std::optional<std::string> (*unavailable)() = here) {
  backend::BackendEntry out;
  out.id = "made_up";
  out.description = "a lane of this test";
  out.exactness = claim;
  out.unavailable_reason = unavailable;
  out.create = [](const backend::BackendOptions&) -> Result<std::unique_ptr<backend::Backend>> {
    return backend::make_reference_backend(backend::ReferenceRounding::f32);
  };
  out.broken_promise = probe;
  return out;
}

TEST(LanePromise, WithoutAProbeOrWithOneThatFindsNothingTheClaimHolds) {
  for (const backend::Exactness claim :
       {backend::Exactness::oracle, backend::Exactness::exact, backend::Exactness::bit_stable,
        backend::Exactness::decision_stable})
    for (const auto probe : {static_cast<decltype(&kept)>(nullptr), &kept}) {
      const backend::LanePromise promise = promise_of(entry(claim, probe));
      EXPECT_EQ(promise.kept, claim);
      EXPECT_EQ(promise.broken, "");
    }
}

TEST(LanePromise, AProbeThatFindsSomethingLeavesDecisions) {
  for (const backend::Exactness claim :
       {backend::Exactness::exact, backend::Exactness::bit_stable}) {
    const backend::LanePromise promise = promise_of(entry(claim, broken));
    EXPECT_EQ(promise.kept, backend::Exactness::decision_stable);
    EXPECT_EQ(promise.broken, kSentence);
  }
}

TEST(LanePromise, AProbeRunsOnceAndOnlyWhenAskedFor) {
  const backend::BackendEntry one = entry(backend::Exactness::bit_stable, counted);
  EXPECT_EQ(probes, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { EXPECT_EQ(promise_of(one).broken, kSentence); });
  for (std::thread& thread : threads) thread.join();
  (void)promise_of(one);
  EXPECT_EQ(probes, 1);
}

TEST(LanePromise, ALaneThatCannotRunIsNotProbed) {
  const backend::LanePromise promise =
      promise_of(entry(backend::Exactness::bit_stable, broken, not_here));
  EXPECT_EQ(promise.kept, backend::Exactness::bit_stable);
  EXPECT_EQ(promise.broken, "");
}

TEST(LanePromise, ComparisonsAreRelaxedForALaneWithoutDefinedBitsOnly) {
  const backend::LanePromise lost{backend::Exactness::decision_stable, kSentence};
  EXPECT_EQ(held_to(backend::Exactness::bit_stable, lost), backend::Exactness::decision_stable);
  EXPECT_EQ(held_to(backend::Exactness::exact, lost), backend::Exactness::exact);
  EXPECT_EQ(held_to(backend::Exactness::oracle, lost), backend::Exactness::oracle);
  EXPECT_EQ(held_to(backend::Exactness::bit_stable, {backend::Exactness::bit_stable, {}}),
            backend::Exactness::bit_stable);
}

TEST(LanePromise, TestsPrintWhichPromiseWasNotKept) {
  ::testing::internal::CaptureStdout();
  EXPECT_FALSE(held_to_bits(entry(backend::Exactness::bit_stable, broken)));
  EXPECT_TRUE(held_to_bits(entry(backend::Exactness::bit_stable, kept)));
  const std::string printed = ::testing::internal::GetCapturedStdout();
  EXPECT_NE(printed.find("PROMISE NOT KEPT: made_up is not bit-stable here"), std::string::npos)
      << printed;
  EXPECT_NE(printed.find(kSentence), std::string::npos);
  EXPECT_TRUE(held_to_bits(entry(backend::Exactness::exact, broken)))
      << "nothing is relaxed for it";
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
  for (const backend::BackendEntry& one : backend::backend_registry()) {
    const auto backend = backend::create_backend(one.id, {1});
    if (!backend) continue;
    EXPECT_EQ((*backend)->promise().kept, promise_of(one).kept) << one.id;
    EXPECT_EQ((*backend)->promise().broken, promise_of(one).broken) << one.id;
  }
  const auto own = backend::make_reference_backend(backend::ReferenceRounding::f32);
  EXPECT_EQ(own->promise().kept, backend::Exactness::oracle)
      << "its claim, when nobody said otherwise";
}

TEST(LanePromise, NamesAreTheWordsOfTheDocumentation) {
  EXPECT_STREQ(backend::exactness_name(backend::Exactness::oracle), "oracle");
  EXPECT_STREQ(backend::exactness_name(backend::Exactness::exact), "exact");
  EXPECT_STREQ(backend::exactness_name(backend::Exactness::bit_stable), "bit-stable");
  EXPECT_STREQ(backend::exactness_name(backend::Exactness::decision_stable), "decision-stable");
  EXPECT_TRUE(backend::promises_bits(backend::Exactness::exact));
  EXPECT_FALSE(backend::promises_bits(backend::Exactness::decision_stable));
}

}  // namespace
}  // namespace trinity::testing
