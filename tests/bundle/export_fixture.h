// What the tests of exports share: a fixture with a folder of its own, and the names of the small
// world's tensors.
#pragma once

#include <sys/stat.h>

#include "bundle/bundle.h"
#include "bundle/exporter.h"
#include "bundle/small_world.h"
#include "bundle/verify.h"

namespace trinity::testing {

class ExportTest : public ::testing::Test {
 protected:
  bundle::ExportOptions options(const std::string& out = "bundle") const {
    bundle::ExportOptions made = shared_world().options();
    made.out = folder_ / out;
    return made;
  }
  fs::path bundle() const { return folder_ / "bundle"; }
  static void expect_valid(const fs::path& folder, const fs::path& model = {}) {
    const auto report = bundle::verify_bundle(folder, {model});
    ASSERT_TRUE(report) << report.error().message;
    for (const bundle::Finding& finding : report->findings)
      EXPECT_TRUE(finding.ok) << finding.subject << ": " << finding.message;
    EXPECT_EQ(report->status, "complete");
  }
  TemporaryFolder folder_;
};

inline const Strings kPaths = {"embedder.token_embedding.kernel",
                               "decoder.blocks.1.self_attention.query.kernel",
                               "decoder.blocks.1.self_attention.key.kernel",
                               "decoder.blocks.1.self_attention.value.kernel",
                               "decoder.blocks.1.self_attention.output.kernel",
                               "decoder.blocks.1.ffn.gate.kernel",
                               "decoder.blocks.1.ffn.intermediate.kernel",
                               "decoder.blocks.1.ffn.output.kernel",
                               "language_modeling_head.output.kernel"};

/// By this a folder is known for a bundle's, whatever else is wrong with it.
inline constexpr const char* kEarlierManifest = R"({"artifact_version":1,"selected_tensors":[]})";

/// Content, place on the disk and last change of everything below a folder.
inline std::map<std::string, std::string> everything_in(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;
    std::string& one = all[fs::relative(entry.path(), folder).string()];
    one = fmt::format("{} {}.{} ", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    if (entry.is_regular_file()) one += slurp(entry.path());
  }
  return all;
}

/// Events of one tensor do not mix with those of the head and the end; between tensors the writer
/// runs behind.
inline void expect_order(const Strings& names, size_t tensors, bool merged) {
  ASSERT_GE(names.size(), 2U);
  EXPECT_EQ(names[0], "export_started");
  EXPECT_EQ(names[1], "router_head_export_complete");
  Strings tail = {"manifest_complete", "export_finished"};
  if (merged) tail.insert(tail.begin(), {"artifact_merge_started", "artifact_merge_complete"});
  ASSERT_EQ(names.size(), 2 + 3 * tensors + tail.size());
  EXPECT_TRUE(std::equal(tail.rbegin(), tail.rend(), names.rbegin()));
  for (const char* name :
       {"tensor_export_started", "tensor_export_progress", "tensor_export_finished"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), static_cast<long>(tensors)) << name;
}

}  // namespace trinity::testing
