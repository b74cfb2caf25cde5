// The lanes of the test plugins, for tests that run over lanes: the OpenBLAS example, and its
// variants with the fewest and with all callbacks.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace trinity::testing {

/// The path of a test plugin: "plugin_openblas", "plugin_fault_wrong_magic", ...
inline std::filesystem::path plugin_path(const std::string& name) {
  return std::filesystem::path(TRINITY_TEST_PLUGINS) / (name + ".so");
}

inline std::string plugin_lane(const std::string& name) {
  return "plugin:" + plugin_path(name).string();
}

/// Lanes that create_backend and Router take.
inline std::vector<std::string> plugin_lanes() {
  return {plugin_lane("plugin_openblas"), plugin_lane("plugin_bare"), plugin_lane("plugin_fused")};
}

/// "plugin_openblas", for names of tests; the id of any other lane is its name already.
inline std::string plugin_lane_name(const std::string& lane) {
  return std::filesystem::path(lane).stem().string();
}

}  // namespace trinity::testing
