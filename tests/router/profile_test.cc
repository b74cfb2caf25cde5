// Runtime profiles: names, aliases, floors, availability.
#include "router/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The profile behind a name, available here or not.
const router::RuntimeProfile* named(const std::string& name) {
  for (const router::RuntimeProfile& profile : router::runtime_profiles())
    if (profile.name == name ||
        std::count(profile.aliases.begin(), profile.aliases.end(), name) > 0)
      return &profile;
  return nullptr;
}

/// A name resolves, or is refused for want of its backend; it is never unknown.
void expect_known(const std::string& name) {
  const auto profile = router::resolve_profile(name);
  if (profile) return;
  EXPECT_EQ(profile.error().tag,
            name == "emily_fast" ? "emily_fast_kernels_unavailable" : "profile_unavailable")
      << name;
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
  const auto profile = router::resolve_profile("host_exla");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->name, "cpu_f32");
  EXPECT_EQ(profile->backend, "cpu_f32");
}

TEST(Profiles, RP3_BinaryIsTheScalarReference) {
  const auto profile = router::resolve_profile("binary");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->backend, "reference");
  EXPECT_EQ(profile->exactness, backend::Exactness::oracle);
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
    const auto profile = router::resolve_profile(name);
    ASSERT_FALSE(profile);
    EXPECT_EQ(profile.error().tag, "unknown_profile");
    EXPECT_EQ(profile.error().kind, ErrorKind::usage);
    EXPECT_TRUE(contains(profile.error().message, "\"" + name + "\""));
    EXPECT_TRUE(contains(profile.error().message, "cuda_exla"));
    for (const router::RuntimeProfile& known : router::runtime_profiles()) {
      EXPECT_TRUE(contains(profile.error().message, known.name));
      for (const std::string& alias : known.aliases)
        EXPECT_TRUE(contains(profile.error().message, alias)) << alias;
    }
  }
}

TEST(Profiles, RP11_EveryNameAndAliasIsKnownAndUnique) {
  std::set<std::string> names;
  for (const router::RuntimeProfile& profile : router::runtime_profiles()) {
    EXPECT_TRUE(names.insert(profile.name).second) << profile.name;
    expect_known(profile.name);
    EXPECT_FALSE(profile.description.empty()) << profile.name;
    for (const std::string& alias : profile.aliases) {
      EXPECT_TRUE(names.insert(alias).second) << alias;
      expect_known(alias);
      const auto resolved = router::resolve_profile(alias);
      EXPECT_TRUE(!resolved || resolved->name == profile.name) << alias;
    }
  }
}

TEST(Profiles, RP13_AMissingBackendIsNamedWithItsReason) {
  for (const router::RuntimeProfile& profile : router::runtime_profiles()) {
    const auto reason = router::profile_unavailable(profile);
    const auto resolved = router::resolve_profile(profile.name);
    ASSERT_EQ(reason.has_value(), !resolved.has_value()) << profile.name;
    if (!reason) continue;
    EXPECT_TRUE(contains(resolved.error().message, profile.name));
    EXPECT_TRUE(contains(resolved.error().message, *reason));
  }
  router::RuntimeProfile made_up;
  made_up.name = made_up.backend = "abacus";
  ASSERT_TRUE(router::profile_unavailable(made_up));
  EXPECT_TRUE(contains(*router::profile_unavailable(made_up), "abacus"));
}

router::RuntimeProfile record(const std::string& name) {
  auto profile = router::find_profile(name);
  EXPECT_TRUE(profile) << name;
  return profile ? *profile : router::RuntimeProfile();
}

using Flags = std::array<bool, 5>;

Flags flags(const router::RuntimeProfile& profile) {
  const router::Capabilities& c = profile.capabilities;
  return {c.require_cuda, c.qwen_runtime, c.export_svd, c.large_svd, c.artifact_runtime};
}

TEST(Profiles, RP1_to_RP7_FieldsOfTheReferencesProfiles) {
  const struct {
    std::string name;
    Flags flags;
    std::string slm;
    backend::MarginFloors floors;
    bool notes;
  } expected[] = {
      {"cuda_exla", {true, true, true, true, true}, "qwen_coordinator", {0.24, 1.06}, false},
      {"host_exla", {false, true, true, false, true}, "qwen_coordinator", {0.24, 1.06}, false},
      {"binary", {false, false, false, false, false}, "tiny_synthetic", {0.24, 1.06}, false},
      {"mock_tiny", {false, false, false, false, true}, "tiny_synthetic", {0.24, 1.06}, false},
      {"emlx", {false, true, true, false, true}, "qwen_coordinator", {0.24, 1.06}, true},
      {"emily", {false, true, true, false, true}, "qwen_coordinator", {0.33, 0.82}, true},
      {"emily_fast", {false, true, true, false, true}, "qwen_coordinator", {0.33, 0.82}, true}};
  for (const auto& one : expected) {
    const router::RuntimeProfile profile = record(one.name);
    EXPECT_EQ(profile.asked_for(), one.name);
    EXPECT_EQ(flags(profile), one.flags) << one.name;
    EXPECT_EQ(profile.default_slm_profile, one.slm) << one.name;
    EXPECT_EQ(profile.floors.agent, one.floors.agent) << one.name;
    EXPECT_EQ(profile.floors.role, one.floors.role) << one.name;
    if (one.notes) {
      EXPECT_FALSE(profile.notes.empty()) << one.name;
    }
  }
  bool mentions_kernels = false;
  for (const std::string& note : record("emily_fast").notes)
    mentions_kernels |= contains(note, "fused kernels");
  EXPECT_TRUE(mentions_kernels);
}

TEST(Profiles, RP_CpuBinaryIsBinaryWithAHint) {
  const router::RuntimeProfile profile = record("cpu_binary");
  EXPECT_EQ(profile.backend, record("binary").backend);
  EXPECT_EQ(flags(profile), flags(record("binary")));
  ASSERT_EQ(profile.warnings.size(), 1u);
  EXPECT_TRUE(contains(profile.warnings[0], "binary"));
  EXPECT_TRUE(record("binary").warnings.empty());
}

TEST(Profiles, RP9_ACustomBackendIsNamedCustom) {
  const auto profile = router::resolve_profile("custom:cpu_f32");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->name, "custom");
  EXPECT_EQ(profile->backend, "cpu_f32");
  EXPECT_EQ(flags(*profile), (Flags{false, true, false, false, true}));
  EXPECT_EQ(profile->floors.agent, 0.24);  // RPM-3
  EXPECT_EQ(profile->floors.role, 1.06);
  const auto missing = router::resolve_profile("custom:abacus");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().tag, "profile_unavailable");
  EXPECT_TRUE(contains(missing.error().message, "abacus"));
  EXPECT_EQ(router::resolve_profile("custom").error().tag, "unknown_profile");
  EXPECT_EQ(router::resolve_profile("custom:").error().tag, "unknown_profile");
}

TEST(Profiles, RP14_RP15_TheMissingLibraryIsNamed) {
  for (const auto& [name, library] :
       {std::pair{"emlx", "EMLX"}, {"emily", "Emily"}, {"emily_fast", "Emily"}}) {
    const auto profile = router::resolve_profile(name);
    if (profile) continue;  // a build with MLX
    EXPECT_TRUE(contains(profile.error().message, library)) << profile.error().message;
    EXPECT_TRUE(contains(profile.error().message, record(name).name));
  }
  const auto fast = router::resolve_profile("emily_fast");
  if (!fast) {
    for (const char* part : {"Emily.Bumblebee.FastKernels", ":emily", "guides/runtime_profiles.md"})
      EXPECT_TRUE(contains(fast.error().message, part)) << part;
  }
}

TEST(Profiles, RP16_to_RP21_AProfileAcceptsItsLabelsAndNoOthers) {
  const std::vector<std::pair<std::string, std::string>> labels = {
      {"cuda_exla", "EXLA.Backend<cuda:0>"},
      {"host_exla", "EXLA.Backend<host:0>"},
      {"binary", "Nx.BinaryBackend"},
      {"emlx", "EMLX.Backend"},
      {"emily", "Emily.Backend"},
      {"custom:Some.Backend", "Some.Backend<x>"}};
  for (const auto& [name, unused] : labels) {
    const router::RuntimeProfile profile = record(name);
    for (const auto& [owner, label] : labels) {
      const Status accepted = router::accept_export_label("decoder.kernel", label, profile);
      EXPECT_EQ(accepted.has_value(), owner == name) << name << " " << label;
      if (accepted) continue;
      EXPECT_EQ(accepted.error().tag, "unaccepted_export_backend");
      EXPECT_TRUE(contains(accepted.error().message,
                           "unaccepted_export_backend(decoder.kernel, " + label + ", " + name))
          << accepted.error().message;
    }
  }
}

TEST(Profiles, AProfileOfOursAcceptsExactlyItsOwnLabel) {
  const router::RuntimeProfile cpu = record("cpu_f32");
  EXPECT_TRUE(router::accept_export_label("t", "trinity.cpu", cpu));
  for (const char* label : {"trinity.cpu2", "trinity.scalar", "EXLA.Backend<host:0>", ""})
    EXPECT_FALSE(router::accept_export_label("t", label, cpu)) << label;
  EXPECT_TRUE(router::accept_export_label("t", "trinity.scalar", record("binary")));
  EXPECT_TRUE(router::accept_export_label("t", "trinity.mlx", record("emily")));
}

TEST(Profiles, CapabilitiesAreEnforced) {
  const Status refused =
      router::require_capability(record("binary"), router::Capability::artifact_runtime);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "profile_lacks_capability");
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_TRUE(
      contains(refused.error().message, "profile_lacks_capability(binary, artifact_runtime)"));
  EXPECT_TRUE(
      router::require_capability(record("mock_tiny"), router::Capability::artifact_runtime));
  EXPECT_FALSE(router::require_capability(record("host_exla"), router::Capability::large_svd));
  for (const router::Capability capability :
       {router::Capability::qwen_runtime, router::Capability::export_svd,
        router::Capability::large_svd, router::Capability::artifact_runtime})
    EXPECT_TRUE(router::require_capability(record("cpu_f32"), capability));
}

TEST(Profiles, RPM1_FloorsOfTheLanesWithoutTheirOwn) {
  for (const char* name :
       {"cuda_exla", "host_exla", "binary", "mock_tiny", "emlx", "cpu_bf16", "cpu_int8",
        "reference_bf16", "reference_exact", "reference_exact_int8"}) {
    EXPECT_EQ(record(name).floors.agent, 0.24) << name;
    EXPECT_EQ(record(name).floors.role, 1.06) << name;
  }
}

TEST(Profiles, RPM2_FloorsOfEmily) {
  for (const char* name : {"emily", "emily_fast"}) {
    EXPECT_EQ(record(name).floors.agent, 0.33);
    EXPECT_EQ(record(name).floors.role, 0.82);
  }
  EXPECT_EQ(record("cuda_exla").floors.agent, 0.24);
}

TEST(Profiles, RPM4_to_RPM6_FloorsAreOverriddenInACopy) {
  const router::RuntimeProfile original = record("emily");
  const router::RuntimeProfile agent = router::with_margin_floors(original, 0.5, std::nullopt);
  EXPECT_EQ(agent.floors.agent, 0.5);
  EXPECT_EQ(agent.floors.role, 0.82);
  const router::RuntimeProfile both = router::with_margin_floors(original, 0.0, 2.0);
  EXPECT_EQ(both.floors.agent, 0.0);
  EXPECT_EQ(both.floors.role, 2.0);
  EXPECT_EQ(original.floors.agent, 0.33);
  EXPECT_EQ(original.floors.role, 0.82);
}

TEST(Profiles, TheDefaultIsTheFirstThatRunsHere) {
  const auto chosen = router::resolve_profile("");
  ASSERT_TRUE(chosen);
  for (const router::RuntimeProfile& profile : router::runtime_profiles()) {
    if (router::profile_unavailable(profile)) continue;
    EXPECT_EQ(chosen->name, profile.name);
    break;
  }
  EXPECT_EQ(chosen->name, "cpu_f32") << "the same answer out of the box on every machine";
}

TEST(Profiles, FastIsTheFastestLaneOfThisMachineUnderItsOwnName) {
  const router::RuntimeProfile fast = record("fast");
  const char* expected = !router::profile_unavailable(record("cpu_bf16"))   ? "cpu_bf16"
                         : !router::profile_unavailable(record("cpu_int8")) ? "cpu_int8"
                                                                            : "cpu_f32";
  EXPECT_EQ(fast.name, expected);
  EXPECT_EQ(fast.shown_name(), expected) << "what is in use is called by its name";
  EXPECT_EQ(router::resolve_profile("fast")->name, expected);
  EXPECT_EQ(router::fast_profile()->name, expected);
  EXPECT_EQ(named("fast"), nullptr) << "the name is reserved";
  EXPECT_TRUE(contains(router::resolve_profile("bogus").error().message, ", fast,"));
}

TEST(Profiles, APromiseIsTheClaimOrSaysWhatIsNotKept) {
  for (const router::RuntimeProfile& profile : router::runtime_profiles()) {
    const backend::LanePromise promise = promise_of(profile);
    const backend::Exactness kept =
        promise.broken.empty() ? profile.exactness : backend::Exactness::decision_stable;
    EXPECT_EQ(promise.kept, kept) << profile.name;
    if (profile.exactness == backend::Exactness::exact) {
      EXPECT_EQ(held_to(profile), backend::Exactness::exact) << profile.name;
    }
  }
  router::RuntimeProfile made_up;
  made_up.backend = "abacus";
  made_up.exactness = backend::Exactness::bit_stable;
  EXPECT_EQ(promise_of(made_up).kept, backend::Exactness::bit_stable);
}

TEST(Profiles, ExactnessIsTheBackendsOwn) {
  for (const router::RuntimeProfile& profile : router::runtime_profiles())
    for (const backend::BackendEntry& entry : backend::backend_registry())
      if (entry.id == profile.backend) {
        EXPECT_EQ(profile.exactness, entry.exactness) << profile.name;
      }
}

}  // namespace
}  // namespace trinity::testing
