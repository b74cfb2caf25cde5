// The list of backends: names, availability, identity.
#include "backend_registry/registry.h"

#include <gtest/gtest.h>

#include <set>

#include "backend_cpu/cpu_features.h"
#include "base/parallel.h"

namespace trinity::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Registry, NamesAreUniqueAndDescribed) {
  std::set<std::string> ids;
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
    EXPECT_FALSE(entry.description.empty()) << entry.id;
  }
  for (const char* id : {"reference", "reference_bf16", "reference_exact", "reference_exact_int8",
                         "cpu_f32", "cpu_bf16", "cpu_int8"})
    EXPECT_TRUE(ids.count(id)) << id;
}

TEST(Registry, UnknownNameListsTheKnownOnes) {
  for (const std::string name : {"bogus", "", "CPU_F32", "cpu_f32 "}) {
    const auto backend = backend::create_backend(name, {});
    ASSERT_FALSE(backend) << name;
    EXPECT_EQ(backend.error().tag, "unknown_backend");
    EXPECT_EQ(backend.error().kind, ErrorKind::usage);
    EXPECT_TRUE(contains(backend.error().message, "\"" + name + "\""));
    for (const backend::BackendEntry& entry : backend::backend_registry())
      EXPECT_TRUE(contains(backend.error().message, entry.id)) << backend.error().message;
  }
}

TEST(Registry, AvailableBackendsSayWhoTheyAre) {
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    const auto backend = backend::create_backend(entry.id, {1});
    if (const auto reason = entry.unavailable_reason()) {
      ASSERT_FALSE(backend) << entry.id;
      EXPECT_EQ(backend.error().tag, "backend_unavailable");
      EXPECT_EQ(backend.error().kind, ErrorKind::missing);
      EXPECT_TRUE(contains(backend.error().message, entry.id));
      EXPECT_TRUE(contains(backend.error().message, *reason));
      continue;
    }
    ASSERT_TRUE(backend) << backend.error().message;
    const backend::BackendInfo& info = (*backend)->info();
    EXPECT_EQ(info.id, entry.id);
    EXPECT_EQ(info.exactness, entry.exactness);
    EXPECT_EQ(info.label, entry.label);
    EXPECT_EQ(info.label.rfind("trinity.", 0), 0u) << info.label;
    EXPECT_FALSE(info.device.empty());
    EXPECT_FALSE(info.dtype_policy.empty());
    EXPECT_EQ((*backend)->weight_bytes(), 0u);
  }
}

/// Whatever a lane states of its numbers is in its entry, and nothing is held to no limit.
TEST(Registry, EveryLaneStatesItsLimits) {
  const auto all_positive = [](const backend::LaneTolerances& limits) {
    for (const backend::Tolerance& one : {limits.linear, limits.exact_linear, limits.rms_norm,
                                          limits.rope, limits.silu_mul, limits.attention})
      if (!(one.element > 0 && one.row > 0)) return false;
    return true;
  };
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    EXPECT_TRUE(all_positive(entry.tolerances)) << entry.id;
    EXPECT_GT(entry.floors.agent, 0) << entry.id;
    EXPECT_GT(entry.floors.role, 0) << entry.id;
    EXPECT_FALSE(entry.notes.empty()) << entry.id;
    EXPECT_EQ(backend::lane_tolerances(entry.id)->linear.row, entry.tolerances.linear.row);
  }
  EXPECT_TRUE(all_positive(*backend::lane_tolerances("plugin:any")));
  EXPECT_FALSE(backend::lane_tolerances("bogus"));
}

TEST(Registry, LabelsAreTheStableOnes) {
  const auto label = [](const char* id) {
    return (*backend::create_backend(id, {1}))->info().label;
  };
  EXPECT_EQ(label("reference"), "trinity.scalar");
  EXPECT_EQ(label("cpu_f32"), "trinity.cpu");
}

TEST(CpuFeatures, TheReasonNamesTheProcessorAndTheMissingInstructions) {
  cpu::CpuFeatures features;
  features.model_name = "Made-up Processor 9";
  const auto bf16 = cpu::bf16_unavailable(features);
  ASSERT_TRUE(bf16);
  for (const char* part : {"Made-up Processor 9", "cpu_f32", "AVX512-BF16"})
    EXPECT_TRUE(contains(*bf16, part)) << *bf16;
  features.avx512_bf16 = true;
  EXPECT_FALSE(cpu::bf16_unavailable(features));
}

TEST(CpuFeatures, ExactLanesRunOnEveryProcessor) {
  for (const backend::BackendEntry& entry : backend::backend_registry())
    if (entry.id == "cpu_f32" || entry.id == "cpu_int8") {
      EXPECT_FALSE(entry.unavailable_reason()) << entry.id;
    }
}

TEST(CpuFeatures, AtLeastOneProcessorMayBeUsed) { EXPECT_GE(available_processors(), 1); }

}  // namespace
}  // namespace trinity::testing
