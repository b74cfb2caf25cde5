// Any bytes as the manifest of a components bundle: refused with a tag and a sentence, or tensors
// with names, layouts and spans that an import can work with.
#include <set>
#include <string>

#include "base/json.h"
#include "bundle/bundle_paths.h"
#include "input.h"
#include "interchange/python_import_sources.h"

namespace {

constexpr const char* kValid =
    R"({"format":"trinity_sakana_safetensors_export","version":1,"source":{"model_name":"m",)"
    R"("router_vector":"v.npy","router_vector_sha256":"00"},"routing":{"head_tensor":"h"},)"
    R"("svf":{"entries":[{"source_parameter":"model.layers.2.mlp.gate_proj.weight",)"
    R"("safe_parameter":"w","v_layout":"vh","scale_tensor":"s","component_tensors":{"u":"u",)"
    R"("S":"s","v":"v"},"offset_start":0,"offset_end":2,"shape":[2]},)"
    R"({"source_name":"lm_head.weight","elixir_name":"x","shape":[3,2]}]},)"
    R"("outputs":{"components":"c.safetensors","scale_offsets":"s","head":"../h"}})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  const std::string text = fuzz::bytes_or_edit(data, size, kValid);
  const auto json = parse_json(text);
  if (!json || !json->is_object()) return 0;
  const auto sources =
      interchange::python_sources_of("/nowhere", interchange::kPythonManifestFile, *json, nullptr);
  if (!sources) {
    fuzz::require_clear(sources.error());
    return 0;
  }
  fuzz::require(!sources->entries.empty(), "there are tensors");
  std::set<std::string> paths;
  for (const interchange::PythonEntry& entry : sources->entries) {
    fuzz::require(!entry.source_name.empty() && !entry.path.empty(), "tensors have names");
    fuzz::require(paths.insert(entry.path).second, "no tensor appears twice");
    fuzz::require(entry.shape.empty() || entry.shape.size() == 2, "shapes are those of matrices");
    fuzz::require(bundle::require_inside(bundle::checkpoint_file_name(1, entry.path)).has_value(),
                  "every name gives a file inside the bundle");
  }
  return 0;
}
