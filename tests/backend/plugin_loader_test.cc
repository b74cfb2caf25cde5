// The loader: each mistake has its own typed error, and what is loaded stays.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "backend/backend_label.h"
#include "backend/op_inputs.h"
#include "backend/plugin_lanes.h"
#include "backend_plugin/plugin_library.h"
#include "backend_registry/registry.h"
#include "base/temporary_folder.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

std::string tag_of(const fs::path& path, const std::string& name = {}) {
  const auto loaded = plugin::load_plugin(path, name);
  return loaded ? "loaded" : loaded.error().tag;
}

fs::path faulty(const std::string& fault) { return plugin_path("plugin_fault_" + fault); }

TEST(PluginLoader, EveryMistakeHasItsError) {
  const std::map<std::string, std::string> tags = {
      {"missing_symbol", "plugin_missing_symbol"},
      {"unresolved_symbol", "plugin_load_failed"},  // found while loading, not while computing
      {"null_bootstrap", "plugin_bad_bootstrap"},
      {"misaligned_bootstrap", "plugin_bad_bootstrap"},
      {"wrong_magic", "plugin_bad_magic"},
      {"wrong_bootstrap_size", "plugin_bad_size"},
      {"wrong_version", "plugin_unsupported_version"},
      {"short_descriptor", "plugin_bad_size"},
      {"long_descriptor", "plugin_bad_size"},
      {"null_descriptor", "plugin_bad_descriptor"},
      {"misaligned_descriptor", "plugin_bad_descriptor"},
      {"null_name", "plugin_bad_name"},
      {"empty_name", "plugin_bad_name"},
      {"bad_name", "plugin_bad_name"},
      {"dotted_name", "plugin_bad_name"},
      {"long_name", "plugin_bad_name"},
      {"bad_exactness", "plugin_bad_descriptor"},
      {"too_many_callbacks", "plugin_too_many_callbacks"},
      {"short_table", "plugin_bad_callback_count"},
      {"long_table", "plugin_bad_callback_count"},
      {"null_table", "plugin_bad_descriptor"},
      {"misaligned_table", "plugin_bad_descriptor"},
      {"missing_callback", "plugin_missing_callback"},
      {"duplicate_callback", "plugin_duplicate_callback"},
      {"mlp_without_split", "plugin_missing_callback"},
  };
  for (const auto& [fault, tag] : tags) {
    ASSERT_TRUE(fs::exists(faulty(fault))) << fault;
    for (int attempt = 0; attempt < 2; ++attempt) {  // a refused library is refused again
      const auto loaded = plugin::load_plugin(faulty(fault));
      ASSERT_FALSE(loaded) << fault;
      EXPECT_EQ(loaded.error().tag, tag) << fault << ": " << loaded.error().message;
      EXPECT_NE(loaded.error().message.find(fault), std::string::npos) << loaded.error().message;
      for (const char c : loaded.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
    // The registry passes the same error on.
    const auto backend = backend::create_backend("plugin:" + faulty(fault).string(), {1});
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().tag, tag);
  }
}

TEST(PluginLoader, ADiscoveryFunctionThatThrowsIsCaught) {
  const auto loaded = plugin::load_plugin(plugin_path("plugin_throwing"));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().tag, "plugin_exception");
  EXPECT_NE(loaded.error().message.find("no plugin today\\x1b"), std::string::npos)
      << loaded.error().message;
}

TEST(PluginLoader, PathsThatLeadToNoLibrary) {
  const TemporaryFolder folder;
  EXPECT_EQ(tag_of(""), "plugin_not_found");
  EXPECT_EQ(tag_of(folder / "absent.so"), "plugin_not_found");
  EXPECT_EQ(plugin::load_plugin(folder / "absent.so").error().kind, ErrorKind::missing);
  EXPECT_EQ(tag_of(folder / ""), "plugin_not_a_file");
  ASSERT_EQ(mkfifo((folder / "pipe.so").c_str(), 0600), 0);
  EXPECT_EQ(tag_of(folder / "pipe.so"), "plugin_not_a_file");
  fs::create_symlink("loop.so", folder / "loop.so");
  EXPECT_EQ(tag_of(folder / "loop.so"), "plugin_not_found");
  std::ofstream(folder / "empty.so").flush();
  EXPECT_EQ(tag_of(folder / "empty.so"), "plugin_not_a_library");
  std::ofstream(folder / "text.so") << "int main() {}\n";
  EXPECT_EQ(tag_of(folder / "text.so"), "plugin_not_a_library");
}

/// A download that broke off must not end the process, wherever it broke off.
TEST(PluginLoader, AFileThatWasCutIsRefused) {
  const TemporaryFolder folder;
  std::ifstream file(faulty("wrong_magic"), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GT(whole.size(), 4096u);
  for (size_t size = 0; size < whole.size(); size += size < 512 ? 16 : 512) {
    const fs::path cut = folder / ("cut" + std::to_string(size) + ".so");
    std::ofstream(cut, std::ios::binary) << whole.substr(0, size);
    const std::string tag = tag_of(cut);
    // What is cut behind the last segment lacks section names only, which nobody needs to load it.
    EXPECT_TRUE(tag == "plugin_not_a_library" || tag == "plugin_load_failed" ||
                (size > whole.size() / 2 && tag == "plugin_bad_magic"))
        << size << " of " << whole.size() << ": " << tag;
  }
}

TEST(PluginLoader, TheSameFileIsOnePlugin) {
  const TemporaryFolder folder;
  const auto first = take(plugin::load_plugin(plugin_path("plugin_bare")));
  EXPECT_EQ(first->facts.name, "bare");
  EXPECT_EQ(first->path, fs::canonical(plugin_path("plugin_bare")));
  EXPECT_EQ(take(plugin::load_plugin(plugin_path("plugin_bare"))), first);
  EXPECT_EQ(take(plugin::load_plugin(plugin_path("plugin_bare"), "bare")), first);
  EXPECT_EQ(take(plugin::load_plugin(fs::relative(plugin_path("plugin_bare")))), first);
  fs::create_symlink(plugin_path("plugin_bare"), folder / "link.so");
  EXPECT_EQ(take(plugin::load_plugin(folder / "link.so")), first);
  EXPECT_EQ(plugin::find_loaded_plugin("bare"), first);
  EXPECT_EQ(plugin::find_loaded_plugin("never_loaded"), nullptr);
  // By name, by path, by both.
  EXPECT_EQ(take(plugin::open_plugin("bare")), first);
  EXPECT_EQ(take(plugin::open_plugin(plugin_path("plugin_bare").string())), first);
  EXPECT_EQ(take(plugin::open_plugin("bare=" + plugin_path("plugin_bare").string())), first);
}

/// Names travel in files (labels of manifests); files must not have code loaded.
TEST(PluginLoader, ANameIsNeverAFile) {
  const TemporaryFolder folder;
  fs::copy_file(faulty("long_table"), folder / "nearby");
  const fs::path before = fs::current_path();
  fs::current_path(folder / "");
  const auto by_name = plugin::open_plugin("nearby");
  const auto by_path = plugin::open_plugin("./nearby");
  fs::current_path(before);
  ASSERT_FALSE(by_name);
  EXPECT_EQ(by_name.error().tag, "plugin_not_found");
  ASSERT_FALSE(by_path);
  EXPECT_EQ(by_path.error().tag, "plugin_bad_callback_count");
  EXPECT_EQ(take(backend::read_backend_label("trinity.plugin.bare")).profile, "plugin:bare");
  for (const std::string label : {"trinity.plugin./tmp/x.so", "trinity.plugin.a=b.so"}) {
    const auto place = backend::read_backend_label(label);
    ASSERT_FALSE(place);
    EXPECT_EQ(place.error().tag, "unknown_backend_label");
  }
}

TEST(PluginLoader, TheNameMustBeTheOneThatWasAskedFor) {
  EXPECT_EQ(tag_of(plugin_path("plugin_openblas"), "openblas2"), "plugin_name_mismatch");
  EXPECT_EQ(tag_of(plugin_path("plugin_openblas"), "openblas"), "loaded");
  EXPECT_EQ(tag_of(plugin_path("plugin_openblas"), "openblas2"), "plugin_name_mismatch");
  const auto other = plugin::open_plugin("mine=" + plugin_path("plugin_openblas").string());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().tag, "plugin_name_mismatch");
}

TEST(PluginLoader, OneNameMeansOneFile) {
  const auto first = take(plugin::load_plugin(faulty("wellformed")));
  EXPECT_EQ(first->facts.name, "wellformed");
  EXPECT_EQ(first->facts.description, R"(a \x1b[31mred\n description)");
  const auto second = plugin::load_plugin(faulty("same_name"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().tag, "plugin_name_taken");
  EXPECT_EQ(plugin::find_loaded_plugin("wellformed"), first);
  EXPECT_EQ(take(plugin::load_plugin(faulty("longest_name")))->facts.name.size(), 128u);
}

TEST(PluginLoader, ItsSymbolsAreVisibleToNobodyElseAndItStays) {
  const fs::path path = take(plugin::load_plugin(plugin_path("plugin_openblas")))->path;
  EXPECT_EQ(dlsym(RTLD_DEFAULT, TRINITY_PLUGIN_SYMBOL_V1), nullptr);
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(handle, nullptr);
  dlclose(handle);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  EXPECT_NE(handle, nullptr) << "one reference is never given back";
  dlclose(handle);
}

TEST(PluginLoader, ACreateThatFailsIsAnError) {
  const auto backend = backend::create_backend("plugin:" + faulty("wellformed").string(), {1});
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().tag, "plugin_failed");
  EXPECT_NE(backend.error().message.find("computes nothing"), std::string::npos);
}

TEST(PluginLoader, TheBackendSaysWhoItIs) {
  const auto backend = take(backend::create_backend(plugin_lane("plugin_openblas"), {1}));
  EXPECT_EQ(backend->info().id, "plugin:openblas");
  EXPECT_EQ(backend->info().label, "trinity.plugin.openblas");
  EXPECT_EQ(backend->info().exactness, backend::Exactness::decision_stable);
  EXPECT_TRUE(backend->info().fused);
  EXPECT_FALSE(take(backend::create_backend(plugin_lane("plugin_bare"), {1}))->info().fused);
  EXPECT_EQ(backend->dense_algebra(), nullptr);
}

}  // namespace
}  // namespace trinity::testing
