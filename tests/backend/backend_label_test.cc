// Labels of backends: ours and the reference's.
#include "backend/backend_label.h"

#include <gtest/gtest.h>

#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

std::string profile_of(const std::string& label) {
  const auto place = backend::read_backend_label(label);
  return place ? place->profile : place.error().tag;
}

TEST(BackendLabels, BL1_BL2_ExlaOnCudaAndHost) {
  EXPECT_EQ(profile_of("EXLA.Backend<cuda:0>"), "cuda");
  EXPECT_EQ(profile_of("EXLA.Backend<cuda:"), "cuda");
  EXPECT_EQ(profile_of("EXLA.Backend<host:0>"), "cpu_f32");
  EXPECT_EQ(profile_of("EXLA.Backend<host:"), "cpu_f32");
  EXPECT_EQ(backend::read_backend_label("EXLA.Backend<cuda:7>")->device, "cuda");
  EXPECT_EQ(backend::read_backend_label("EXLA.Backend<host:0>")->device, "host");
}

TEST(BackendLabels, BL3_TheBinaryBackendIsTheHostReference) {
  EXPECT_EQ(profile_of("Nx.BinaryBackend"), "reference");
}

TEST(BackendLabels, BL4_BL5_EmlxIsOnTheGpu) {
  for (const char* label : {"EMLX.Backend", "EMLX.Backend<gpu>"}) {
    EXPECT_EQ(profile_of(label), "mlx");
    EXPECT_EQ(backend::read_backend_label(label)->device, "gpu");
  }
}

TEST(BackendLabels, BL6_EmilyIsKnownAndStrangersAreNot) {
  EXPECT_EQ(profile_of("Emily.Backend"), "mlx");
  for (const char* label : {"SomeFutureBackend", "unknown", "", "EXLA.Backend",
                            "EXLA.Backend<tpu:0>", "EXLA.Backend<cudax", "EMLX.BackendTwo",
                            "Nx.BinaryBackend2", "trinity.plugin.", "trinity.cpux"}) {
    const auto place = backend::read_backend_label(label);
    ASSERT_FALSE(place) << label;
    EXPECT_EQ(place.error().tag, "unknown_backend_label");
    EXPECT_NE(place.error().message.find("unknown_backend_label(" + std::string(label) + ")"),
              std::string::npos);
    for (const std::string& known : backend::known_backend_labels())
      EXPECT_NE(place.error().message.find(known), std::string::npos) << known;
  }
}

TEST(BackendLabels, BL7_TheLenientFormWarnsAndUsesTheHostReference) {
  std::string warning;
  const backend::BackendPlace place = backend::read_backend_label_leniently(
      "SomeFutureBackend", [&](const auto& text) { warning = text; });
  EXPECT_EQ(place.profile, "reference");
  for (const char* part : {"unknown backend label", "SomeFutureBackend", "Nx.BinaryBackend"})
    EXPECT_NE(warning.find(part), std::string::npos) << part;
}

TEST(BackendLabels, BL8_KnownLabelsWarnOfNothing) {
  for (const char* label : {"EXLA.Backend<cuda:0>", "Nx.BinaryBackend", "EMLX.Backend",
                            "Emily.Backend", "trinity.cpu", "trinity.plugin.npu"}) {
    const backend::BackendPlace place = backend::read_backend_label_leniently(
        label, [&](const auto& text) { ADD_FAILURE() << label << ": " << text; });
    EXPECT_EQ(place.profile, backend::read_backend_label(label)->profile);
  }
}

TEST(BackendLabels, RBL1_EveryBackendReportsItsOwnLabelAndCanReadIt) {
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    if (entry.unavailable_reason()) continue;
    const auto backend = backend::create_backend(entry.id, {});
    ASSERT_TRUE(backend) << entry.id;
    const std::string label = (*backend)->info().label;
    EXPECT_EQ(label, backend::own_backend_label(entry.id)) << entry.id;
    const auto place = backend::read_backend_label(label);
    ASSERT_TRUE(place) << entry.id;
    EXPECT_EQ(place->label, label);
  }
}

TEST(BackendLabels, RBL4_APluginKeepsItsWholeName) {
  EXPECT_EQ(backend::read_backend_label("trinity.plugin.vendor.npu")->label,
            "trinity.plugin.vendor.npu");
  EXPECT_EQ(backend::own_backend_label("plugin:vendor.npu"), "trinity.plugin.vendor.npu");
}

}  // namespace
}  // namespace trinity::testing
