// Any bytes as a bundle's manifest: refused with a tag and a sentence, or a manifest whose files
// lie inside the bundle, whose sizes can be computed with, and that survives being written and
// read.
#include "bundle/manifest.h"

#include <string>

#include "bundle/bundle_paths.h"
#include "bundle/checkpoint_check.h"
#include "input.h"

namespace {

constexpr const char* kValid =
    R"({"artifact_version":1,"status":"complete","export_complete":true,"partial_debug_only":false,)"
    R"("created_at":"2026-05-20T00:00:00Z","updated_at":"2026-05-20T00:00:00Z",)"
    R"("base_model_repo":"m","bumblebee_module":"b","architecture":"a","xla_target":"x",)"
    R"("export_backend":"e","export_spec":{"name":"n","selected_layer_indices":[26]},)"
    R"("source_vector_path":"v","source_vector_tensor":"t","source_vector_shape":[56],)"
    R"("source_vector_sha256":"00","scale_offset_count":8,"router_head_shape":[6,8],)"
    R"("router_head_artifact":"h","router_head_tensor_key":"k","router_head_sha256":null,)"
    R"("adapted_tensors_artifact":"a/b","adapted_tensors_sha256":null,)"
    R"("artifact_layout":"single_file","selected_tensor_count":1,)"
    R"("selected_singular_value_count":8,"selected_tensors":[{"index":1,"path":"a.b",)"
    R"("artifact_key":"a.b","segments":["a",0],"source_name":"s","shape":[8,9],)"
    R"("type":"{:bf, 16}","source_type":"{:bf, 16}","svd_compute_type":"f32",)"
    R"("status":"complete","offset_start":0,"offset_end":8,"singular_values":8,)"
    R"("checkpoint_path":"checkpoints/c","checkpoint_sha256":"00","normalization":1.5,)"
    R"("svd_gap_report":{"smallest_relative_gap":0.1,"gaps_below_resolution":0}}],)"
    R"("source_split":{},"split":{},"only_index":null,"skip_existing":true})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  const std::string text = fuzz::bytes_or_edit(data, size, kValid);
  const auto manifest = bundle::parse_manifest(text);
  if (!manifest) {
    fuzz::require_clear(manifest.error());
    return 0;
  }
  static_cast<void>(bundle::require_complete(*manifest));
  fuzz::require(manifest->head.shape.size() == 2, "the head is a matrix");
  fuzz::require(bundle::require_inside(manifest->head.file).has_value(), "the head lies inside");
  fuzz::require(bundle::require_inside(manifest->adapted.file).has_value(),
                "the merged file lies inside");
  for (const bundle::ManifestTensor& tensor : manifest->tensors) {
    fuzz::require(tensor.checkpoint_path.empty() ||
                      bundle::require_inside(tensor.checkpoint_path).has_value(),
                  "checkpoints lie inside");
    fuzz::require(tensor.offset_start >= 0 && tensor.offset_end >= 0 && tensor.singular_values >= 0,
                  "sizes are sizes");
    static_cast<void>(bundle::expected_tensor(tensor, manifest->adapted.layout));
  }
  const std::string written = bundle::manifest_json(*manifest);
  const auto again = bundle::parse_manifest(written);
  fuzz::require(again.has_value(), "what is written can be read");
  fuzz::require(bundle::manifest_json(*again) == written, "and says the same");
  return 0;
}
