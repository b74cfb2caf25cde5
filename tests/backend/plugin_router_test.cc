// Routing through a plugin: the profile "plugin:PATH", its decisions, and what its NaN leads to.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "backend/plugin_lanes.h"
#include "backend/plugin_variants.h"
#include "backend_plugin/plugin_library.h"
#include "router/profile.h"
#include "router/router_support.h"

namespace trinity::testing {
namespace {

TEST(PluginProfile, IsNamedAfterThePluginAndHasTheDefaultFloors) {
  const std::string asked = plugin_lane("plugin_openblas");
  const router::RuntimeProfile profile = take(router::resolve_profile(asked));
  EXPECT_EQ(profile.name, "plugin:openblas");
  EXPECT_EQ(profile.backend, "plugin:openblas");
  EXPECT_EQ(profile.asked_for(), asked);
  EXPECT_EQ(profile.exactness, backend::Exactness::decision_stable);
  EXPECT_EQ(profile.floors.agent, 0.24);
  EXPECT_EQ(profile.floors.role, 1.06);
  EXPECT_TRUE(router::has_capability(profile, router::Capability::qwen_runtime));
  EXPECT_FALSE(router::has_capability(profile, router::Capability::export_svd));
  EXPECT_FALSE(router::profile_unavailable(profile));
  EXPECT_TRUE(router::accept_export_label("u", "trinity.plugin.openblas", profile));
  EXPECT_FALSE(router::accept_export_label("u", "trinity.cpu", profile));
  // Once loaded, its name is enough.
  EXPECT_EQ(take(router::resolve_profile("plugin:openblas")).name, "plugin:openblas");
}

TEST(PluginProfile, ErrorsOfTheLoaderComeThrough) {
  const auto tag = [](const std::string& name) {
    const auto profile = router::resolve_profile(name);
    return profile ? "no error" : profile.error().tag;
  };
  EXPECT_EQ(tag("plugin:"), "plugin_not_found");
  EXPECT_EQ(tag("plugin:/no/such/file.so"), "plugin_not_found");
  EXPECT_EQ(tag("plugin:never_loaded"), "plugin_not_found");
  EXPECT_EQ(tag(plugin_lane("plugin_fault_wrong_magic")), "plugin_bad_magic");
  EXPECT_EQ(tag("plugin:other=" + plugin_path("plugin_bare").string()), "plugin_name_mismatch");
  router::RuntimeProfile unloaded = router::custom_profile("plugin:never_loaded");
  EXPECT_TRUE(router::profile_unavailable(unloaded));
  const auto router = Router::load(small_options(plugin_lane("plugin_fault_wellformed")));
  ASSERT_FALSE(router);
  EXPECT_EQ(router.error().tag, "plugin_failed");
}

class PluginRouter : public ::testing::TestWithParam<std::string> {};

TEST_P(PluginRouter, DecidesAsTheCpuLaneDoes) {
  RouterOptions options;  // the embedded tiny router
  options.profile = "cpu_f32";
  const auto cpu = load(options);
  options.profile = GetParam();
  const auto own = load(options);
  EXPECT_TRUE(own->info().label.starts_with("trinity.plugin."));
  for (const std::string text :
       {"Write a function that returns the n-th prime.", "Prove that this series converges.",
        "Draft a polite letter to my landlord.", "Check this SQL query for mistakes.", "Hi",
        "Plan a migration of the database in five steps, with the risks of each."}) {
    const RouterQuery query = Conversation{{"user", text}};
    const auto want = take(cpu->route(query, {}, hashed())),
               got = take(own->route(query, {}, hashed()));
    EXPECT_EQ(got.agent_id, want.agent_id) << text;
    EXPECT_EQ(got.role_id, want.role_id) << text;
    EXPECT_EQ(got.transcript_hash, want.transcript_hash);
    EXPECT_EQ(got.profile, own->info().profile);
    ASSERT_EQ(got.logits.size(), want.logits.size());
    for (size_t i = 0; i < want.logits.size(); ++i)
      EXPECT_NEAR(got.logits[i], want.logits[i], 1e-3 * (1 + std::abs(want.logits[i])));
  }
}

INSTANTIATE_TEST_SUITE_P(Plugins, PluginRouter, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

TEST(PluginRouterFaults, NotANumberAndErrorsEndInErrorsAndNotInDecisions) {
  const auto path = take(plugin::load_plugin(plugin_path("plugin_fused")))->path;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  const auto set_fault = reinterpret_cast<SetFault*>(dlsym(library, kSetFault));
  const auto count_live = reinterpret_cast<CountLive*>(dlsym(library, kCountLive));
  ASSERT_NE(set_fault, nullptr);
  set_fault(0, Fault::none);
  {
    RouterOptions options = small_options(plugin_lane("plugin_fused"));
    options.prefix_cache_bytes = 0;
    const auto router = load(options);
    const RouterQuery query = Conversation{{"user", "Which of these is right?"}};
    const std::string want = fingerprint(router->route(query));
    const size_t live = count_live();
    const std::map<Fault, std::string> tags = {{Fault::not_a_number, "non_finite_logits"},
                                               {Fault::throws, "plugin_exception"},
                                               {Fault::long_text, "plugin_failed"},
                                               {Fault::null_handle, "plugin_null_handle"},
                                               {Fault::huge_rows, "plugin_shape_mismatch"}};
    for (const auto& [fault, tag] : tags) {
      set_fault(8, fault);  // rms_norm: the last operation of a pass
      EXPECT_EQ(fingerprint(router->route(query)), tag);
      set_fault(8, Fault::none);
      EXPECT_EQ(fingerprint(router->route(query)), want);
      EXPECT_EQ(count_live(), live) << "activations of a failed pass are given back";
    }
  }
  EXPECT_EQ(count_live(), 0u);
}

}  // namespace
}  // namespace trinity::testing
