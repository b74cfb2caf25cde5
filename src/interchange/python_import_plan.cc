#include "interchange/python_import_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapt/tensor_naming.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "tensor/checkpoint.h"

namespace trinity::interchange {
namespace {

namespace fs = std::filesystem;

constexpr const char* kImporter = "TrinityCoordinator.Sakana.PythonImporter";
constexpr const char* kExportBackend = "python_semantic_importer_elixir_nx";
constexpr const char* kBaseModel = "Qwen/Qwen3-0.6B";
/// Not in the reference's manifests: ties a resumed import to the files it began with.
constexpr const char* kSourcesHash = "components_bundle_sha256";

Result<SafetensorsFile> open_file(const fs::path& path) {
  auto file = SafetensorsFile::open(path);
  if (file) return file;
  return fail(file.error().kind, "safetensors_read_error",
              fmt::format("safetensors_read_error({}): {}", excerpt(path.string(), 1024),
                          excerpt(file.error().message, 2048)));
}

Result<TensorView> component(const SafetensorsFile& file, const std::string& key) {
  if (file.find(key) == nullptr)
    return fail(ErrorKind::invalid_input, "missing_component",
                fmt::format("{} has no tensor {}; write the components again", file.path().string(),
                            excerpt(key)));
  return file.tensor(key);
}

struct Target {
  adapt::MatrixShape shape;
  DType dtype = DType::f32;
  bool verified = false;
};

/// Shape and type that the bundle's tensor must have.
Result<Target> target_of(const PythonEntry& entry, const adapt::MatrixShape& source_shape,
                         const Checkpoint* model) {
  if (model == nullptr)
    return Target{adapt::bundle_shape(entry.source_name, source_shape), DType::f32};
  const TensorInfo* info = model->find(entry.source_name);
  if (info == nullptr && entry.source_name == adapt::kLmHeadName)
    info = model->find(adapt::kEmbeddingName);
  if (info == nullptr || !info->dtype)
    return fail(ErrorKind::invalid_input, "missing_target_tensor",
                fmt::format("the base model {} has no tensor {}; use the model that the components "
                            "were made from",
                            model->folder().string(), excerpt(entry.source_name)));
  return Target{adapt::bundle_shape(entry.source_name, info->shape), *info->dtype, true};
}

Status read_tensor(ImportPlan& plan, const PythonEntry& entry, const Checkpoint* model,
                   int64_t& cursor) {
  ImportTensor tensor;
  tensor.source_name = entry.source_name;
  tensor.file = plan.components.get();
  Components& c = tensor.components;
  c.layout = entry.layout;
  TRINITY_TRY(c.u, component(*plan.components, entry.keys.u));
  TRINITY_TRY(c.s, component(*plan.components, entry.keys.s));
  TRINITY_TRY(c.v, component(*plan.components, entry.keys.v));
  TRINITY_TRY(c.offsets, component(*plan.scales, entry.keys.scale));
  TRINITY_CHECK(check_components(c));
  TRINITY_CHECK(scale_components(c));
  const adapt::MatrixShape shape = {c.rows(), c.columns()};
  const adapt::MatrixShape turned = {shape[1], shape[0]};
  if (!entry.shape.empty() && entry.shape != shape && entry.shape != turned)
    return fail(ErrorKind::invalid_input, "component_shape_mismatch",
                fmt::format("U and V make a matrix of shape {}, but the Python manifest says {}",
                            shape_text(shape), shape_text(entry.shape)));
  TRINITY_TRY(const Target target, target_of(entry, shape, model));
  tensor.dtype = target.dtype;
  TRINITY_TRY(tensor.transposed,
              adapt::transposed_in_bundle(entry.source_name, entry.path, shape, target.shape));

  bundle::ManifestTensor m;
  m.index = static_cast<int64_t>(plan.tensors.size()) + 1;
  m.path = m.artifact_key = entry.path;
  m.segments = adapt::path_segments(entry.path);
  m.source_name = entry.source_name;
  m.shape = target.shape;
  m.type = m.source_type = bundle::manifest_type(target.dtype);
  m.singular_values = c.rank();
  m.offset_start = entry.offset_start.value_or(cursor);
  m.offset_end = entry.offset_end.value_or(m.offset_start + c.rank());
  if (m.offset_start < 0 || m.offset_end - m.offset_start != c.rank())
    return fail(ErrorKind::invalid_input, "offset_span_mismatch",
                fmt::format("the Python manifest gives it the offsets {} to {}, but it has {} "
                            "singular values",
                            m.offset_start, m.offset_end, c.rank()));
  cursor = m.offset_end;
  m.checkpoint_path = bundle::checkpoint_file_name(m.index, m.path);
  m.imported.component_keys = entry.keys;
  m.imported.python_v_layout = v_layout_name(entry.layout);
  m.imported.target_verified = target.verified;
  plan.manifest.tensors.push_back(std::move(m));
  plan.tensors.push_back(std::move(tensor));
  return {};
}

/// Zeros in `expected` stand for any size.
bool head_fits(std::span<const int64_t> shape, std::span<const int64_t> expected) {
  return shape.size() == 2 && expected.size() == 2 && shape[0] > 0 && shape[1] > 0 &&
         (expected[0] == 0 || shape[0] == expected[0]) &&
         (expected[1] == 0 || shape[1] == expected[1]);
}

Status read_head(ImportPlan& plan, const std::vector<int64_t>& expected) {
  TRINITY_TRY(const SafetensorsFile file, open_file(plan.sources.head));
  std::string key = plan.sources.head_key.value_or(kPythonHeadKey);
  if (file.find(key) == nullptr) {
    if (plan.sources.head_key || file.tensors().size() != 1)
      return fail(ErrorKind::invalid_input, "missing_router_head_tensor",
                  fmt::format("{} has no tensor {}; name the head's tensor in the manifest's "
                              "router_head_tensor",
                              file.path().string(), excerpt(key)));
    key = file.tensors().front().name;
  }
  TRINITY_TRY(const TensorView view, file.tensor(key));
  if (!head_fits(view.shape, expected))
    return fail(ErrorKind::invalid_input, "router_head_shape_mismatch",
                fmt::format("router_head_shape_mismatch({}, {}): the router head must have the "
                            "first shape (0 is any size), but {} has the second",
                            shape_text(expected), shape_text(view.shape), excerpt(key)));
  TRINITY_CHECK(require_finite(view, key));
  TRINITY_TRY(plan.head, to_f32(view));
  plan.manifest.head.shape = view.shape;
  return {};
}

/// The hash of all input: components, scales, head.
Result<std::string> sources_hash(const PythonSources& sources) {
  std::string joined;
  for (const fs::path& path : {sources.components, sources.scales, sources.head}) {
    TRINITY_TRY(const std::string hash, sha256_file(path));
    joined += (joined.empty() ? "" : ":") + hash;
  }
  return sha256_hex(joined);
}

Status fill_manifest(ImportPlan& plan, const ImportOptions& options) {
  const PythonSources& sources = plan.sources;
  bundle::Manifest& m = plan.manifest;
  TRINITY_TRY(const std::string hash, sources_hash(sources));
  m.progress.created_at = m.progress.updated_at = bundle::utc_now();
  m.base.repo = !options.base_model_repo.empty()
                    ? options.base_model_repo
                    : provenance_path(sources.base_model.value_or(kBaseModel), options.root);
  m.recipe.export_backend = kExportBackend;
  m.imported.importer = kImporter;
  m.imported.python_manifest_path = provenance_path(sources.manifest, options.root);
  if (!options.reference.empty())
    m.imported.reference_manifest_path = provenance_path(options.reference, options.root);
  m.vector.path = sources.vector_path.value_or("python_semantic_bundle");
  m.vector.tensor = sources.vector_tensor.value_or("python_semantic_components");
  m.vector.sha256 = sources.vector_sha256.value_or(hash);
  for (const bundle::ManifestTensor& tensor : m.tensors) {
    m.selected_singular_value_count += tensor.singular_values;
    m.scale_offset_count = std::max(m.scale_offset_count, tensor.offset_end);
  }
  m.vector.shape = sources.vector_shape;
  if (m.vector.shape.empty())
    m.vector.shape = {m.scale_offset_count + static_cast<int64_t>(plan.head.size())};
  m.imported.python_semantic_manifest = sources.semantic_manifest;
  m.imported.python_semantic_manifest[kSourcesHash] = hash;
  m.imported.python_reference_manifest_loaded = sources.reference_loaded;
  m.producer.program = options.producer;
  m.producer.profile = options.profile;
  return {};
}

}  // namespace

tl::unexpected<Error> reconstruct_error(const std::string& source, const Error& cause) {
  return fail(
      cause.kind, "reconstruct_error",
      fmt::format("failed to reconstruct {}: {}: {}", excerpt(source), cause.tag, cause.message));
}

std::optional<std::string> recorded_sources_hash(const bundle::Manifest& manifest) {
  const Json& hash = manifest.imported.python_semantic_manifest[kSourcesHash];
  return hash.is_string() ? std::optional(hash.as_string()) : std::nullopt;
}

Result<ImportPlan> plan_import(const ImportOptions& options) {
  ImportPlan plan;
  TRINITY_TRY(plan.sources,
              read_python_sources(options.source, options.manifest_name, options.reference));
  TRINITY_TRY(SafetensorsFile components, open_file(plan.sources.components));
  TRINITY_TRY(SafetensorsFile scales, open_file(plan.sources.scales));
  plan.components = std::make_unique<SafetensorsFile>(std::move(components));
  plan.scales = std::make_unique<SafetensorsFile>(std::move(scales));
  std::optional<Checkpoint> model;
  if (!options.model.empty()) {
    auto opened = Checkpoint::open(options.model);
    if (!opened)
      return fail(opened.error().kind, "qwen_target_load_error",
                  fmt::format("qwen_target_load_error: {}", opened.error().message));
    model.emplace(std::move(*opened));
  }
  TRINITY_CHECK(read_head(plan, options.head_shape));
  int64_t cursor = 0;
  for (const PythonEntry& entry : plan.sources.entries) {
    const Status read = read_tensor(plan, entry, model ? &*model : nullptr, cursor);
    if (!read && read.error().tag == "missing_target_tensor") return tl::unexpected(read.error());
    if (!read) return reconstruct_error(entry.source_name, read.error());
  }
  TRINITY_CHECK(fill_manifest(plan, options));
  return plan;
}

}  // namespace trinity::interchange
