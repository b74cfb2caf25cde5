// Runtime profiles: names, aliases, floors, availability.
#include "router/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backend/registry.h"

namespace trinity::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The profile behind a name, available here or not.
const RuntimeProfile* named(const std::string& name) {
  for (const RuntimeProfile& profile : runtime_profiles())
    if (profile.name == name ||
        std::count(profile.aliases.begin(), profile.aliases.end(), name) > 0)
      return &profile;
  return nullptr;
}

/// A name resolves, or is refused for want of its backend; it is never unknown.
void expect_known(const std::string& name) {
  const auto profile = resolve_profile(name);
  if (profile) return;
  EXPECT_EQ(profile.error().tag, "profile_unavailable") << name;
  EXPECT_EQ(profile.error().kind, ErrorKind::missing);
  ASSERT_NE(named(name), nullptr);
  EXPECT_TRUE(contains(profile.error().message, named(name)->name)) << profile.error().message;
}

TEST(Profiles, RP1_CudaExlaIsTheCudaLane) {
  ASSERT_NE(named("cuda_exla"), nullptr);
  EXPECT_EQ(named("cuda_exla")->name, "cuda");
  expect_known("cuda_exla");
}

TEST(Profiles, RP2_HostExlaIsTheFastCpuLane) {
  const auto profile = resolve_profile("host_exla");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->name, "cpu_f32");
  EXPECT_EQ(profile->backend, "cpu_f32");
}

TEST(Profiles, RP3_BinaryIsTheScalarReference) {
  const auto profile = resolve_profile("binary");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->backend, "reference");
  EXPECT_EQ(profile->exactness, Exactness::oracle);
}

TEST(Profiles, RP4_MockTinyIsTheScalarReference) {
  ASSERT_NE(named("mock_tiny"), nullptr);
  EXPECT_EQ(named("mock_tiny")->backend, "reference");
}

TEST(Profiles, RP5_RP7_EmilyAndEmlxAreTheLazyMlxLane) {
  ASSERT_NE(named("emily"), nullptr);
  EXPECT_EQ(named("emily"), named("emlx"));
  expect_known("emily");
  expect_known("emlx");
}

TEST(Profiles, RP_EmilyFastIsTheFusedMlxLane) {
  ASSERT_NE(named("emily_fast"), nullptr);
  EXPECT_NE(named("emily_fast"), named("emily"));
  expect_known("emily_fast");
}

TEST(Profiles, RP10_AnUnknownNameListsNamesAndAliases) {
  for (const std::string name : {"bogus", "CPU_F32", " cpu_f32", "cpu_f32 "}) {
    const auto profile = resolve_profile(name);
    ASSERT_FALSE(profile);
    EXPECT_EQ(profile.error().tag, "unknown_profile");
    EXPECT_EQ(profile.error().kind, ErrorKind::usage);
    EXPECT_TRUE(contains(profile.error().message, "\"" + name + "\""));
    EXPECT_TRUE(contains(profile.error().message, "cuda_exla"));
    for (const RuntimeProfile& known : runtime_profiles()) {
      EXPECT_TRUE(contains(profile.error().message, known.name));
      for (const std::string& alias : known.aliases)
        EXPECT_TRUE(contains(profile.error().message, alias)) << alias;
    }
  }
}

TEST(Profiles, RP11_EveryNameAndAliasIsKnownAndUnique) {
  std::set<std::string> names;
  for (const RuntimeProfile& profile : runtime_profiles()) {
    EXPECT_TRUE(names.insert(profile.name).second) << profile.name;
    expect_known(profile.name);
    EXPECT_FALSE(profile.description.empty()) << profile.name;
    for (const std::string& alias : profile.aliases) {
      EXPECT_TRUE(names.insert(alias).second) << alias;
      expect_known(alias);
      const auto resolved = resolve_profile(alias);
      EXPECT_TRUE(!resolved || resolved->name == profile.name) << alias;
    }
  }
}

TEST(Profiles, RP13_AMissingBackendIsNamedWithItsReason) {
  for (const RuntimeProfile& profile : runtime_profiles()) {
    const auto reason = profile_unavailable(profile);
    const auto resolved = resolve_profile(profile.name);
    ASSERT_EQ(reason.has_value(), !resolved.has_value()) << profile.name;
    if (!reason) continue;
    EXPECT_TRUE(contains(resolved.error().message, profile.name));
    EXPECT_TRUE(contains(resolved.error().message, *reason));
  }
  RuntimeProfile made_up;
  made_up.name = made_up.backend = "abacus";
  ASSERT_TRUE(profile_unavailable(made_up));
  EXPECT_TRUE(contains(*profile_unavailable(made_up), "abacus"));
}

TEST(Profiles, RPM1_FloorsOfTheLanesWithoutTheirOwn) {
  for (const char* name : {"cuda_exla", "host_exla", "binary", "mock_tiny", "cpu_bf16", "cpu_int8",
                           "reference_bf16"}) {
    ASSERT_NE(named(name), nullptr) << name;
    EXPECT_EQ(named(name)->floors.agent, 0.24) << name;
    EXPECT_EQ(named(name)->floors.role, 1.06) << name;
  }
}

TEST(Profiles, RPM2_FloorsOfEmily) {
  for (const char* name : {"emily", "emily_fast"}) {
    ASSERT_NE(named(name), nullptr) << name;
    EXPECT_EQ(named(name)->floors.agent, 0.33);
    EXPECT_EQ(named(name)->floors.role, 0.82);
  }
}

TEST(Profiles, TheDefaultIsTheFirstThatRunsHere) {
  const auto chosen = resolve_profile("");
  ASSERT_TRUE(chosen);
  for (const RuntimeProfile& profile : runtime_profiles()) {
    if (profile_unavailable(profile)) continue;
    EXPECT_EQ(chosen->name, profile.name);
    break;
  }
  EXPECT_NE(chosen->name, "cpu_int8") << "int8 is chosen by name only";
  EXPECT_NE(chosen->exactness, Exactness::oracle);
}

TEST(Profiles, ExactnessIsTheBackendsOwn) {
  for (const RuntimeProfile& profile : runtime_profiles())
    for (const BackendEntry& entry : backend_registry())
      if (entry.id == profile.backend) {
        EXPECT_EQ(profile.exactness, entry.exactness) << profile.name;
      }
}

}  // namespace
}  // namespace trinity::testing
