#include "bundle/export_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/try.h"
#include "bundle/checkpoint_check.h"

namespace trinity::bundle {
namespace {

constexpr const char* kPublishedModel = "Qwen/Qwen3-0.6B";

/// A folder of the hub's cache is called models--<organisation>--<name>.
std::string repository_of(const std::filesystem::path& folder) {
  constexpr std::string_view prefix = "models--";
  std::error_code ignored;
  const auto path = std::filesystem::weakly_canonical(folder, ignored);
  for (const auto& part : path) {
    const std::string name = part.string();
    if (name.rfind(prefix, 0) != 0) continue;
    const std::string rest = name.substr(prefix.size());
    const size_t at = rest.find("--");
    return at == std::string::npos ? rest
                                   : fmt::format("{}/{}", rest.substr(0, at), rest.substr(at + 2));
  }
  return path.filename().empty() ? path.parent_path().filename().string()
                                 : path.filename().string();
}

ManifestTensor pending_entry(const adapt::SelectedTensor& tensor, const ExportOptions& options) {
  ManifestTensor entry;
  entry.index = tensor.index;
  entry.path = tensor.path;
  entry.artifact_key = tensor.path;
  entry.segments = adapt::path_segments(tensor.path);
  entry.source_name = tensor.source_name;
  entry.shape = tensor.target_shape;
  entry.type = manifest_type(tensor.dtype);
  entry.source_type = entry.type;
  entry.svd_compute_type = adapt::svd_compute_type_name(options.adaptation.compute_type);
  entry.offset_start = tensor.offset_start;
  entry.offset_end = tensor.offset_end;
  entry.singular_values = tensor.singular_values();
  entry.checkpoint_path = checkpoint_file_name(tensor.index, tensor.path);
  return entry;
}

Manifest pending_manifest(const ExportPlan& plan, const ExportOptions& options) {
  Manifest m;
  m.progress.created_at = m.progress.updated_at = utc_now();
  m.base.repo =
      options.base_model_repo.empty() ? repository_of(options.model) : options.base_model_repo;
  m.recipe.layers = options.layers;
  m.recipe.spec_name = m.base.repo == kPublishedModel && m.recipe.layers == std::vector<int64_t>{26}
                           ? "qwen3_0_6b_layer26"
                           : "custom";
  m.vector.path = options.vector.string();
  m.vector.tensor = plan.vector.tensor_name;
  m.vector.shape = {static_cast<int64_t>(plan.vector.values.size())};
  m.vector.sha256 = plan.vector.sha256;
  m.scale_offset_count = plan.selection.scale_count();
  m.head.shape = {plan.parts.outputs, plan.parts.hidden};
  m.adapted.layout =
      options.compact ? ArtifactLayout::factor_directory : ArtifactLayout::checkpoint_directory;
  m.selected_singular_value_count = plan.selection.scale_count();
  m.progress.only_index = options.only_index;
  m.progress.skip_existing = options.skip_existing;
  m.recipe.fidelity_mode =
      options.adaptation.tie_mode == TieMode::last_write ? "author" : "reference";
  m.recipe.tie_mode = tie_mode_name(options.adaptation.tie_mode);
  m.recipe.svd_compute_type = adapt::svd_compute_type_name(options.adaptation.compute_type);
  m.producer.program = options.producer;
  m.producer.profile = options.profile;
  if (!options.base_model_revision.empty()) m.base.revision = options.base_model_revision;
  for (const adapt::SelectedTensor& tensor : plan.selection.tensors)
    m.tensors.push_back(pending_entry(tensor, options));
  return m;
}

}  // namespace

Result<std::unique_ptr<ExportPlan>> plan_export(const ExportOptions& options) {
  if (options.only_index && *options.only_index <= 0)
    return fail(ErrorKind::usage, "invalid_only_index",
                "--only-index counts tensors from 1; see --dry-run for the list");
  TRINITY_TRY(adapt::RouterVector vector,
              adapt::RouterVector::load(options.vector, options.vector_tensor));
  TRINITY_TRY(model::ModelConfig config, model::load_model_config(options.model));
  TRINITY_TRY(Checkpoint checkpoint, Checkpoint::open(options.model));
  TRINITY_TRY(adapt::Selection selection,
              adapt::select_tensors(checkpoint, config, options.layers));
  TRINITY_TRY(adapt::RouterVectorParts parts,
              adapt::split_off_head(vector.values, selection.scale_count(), config.hidden_size,
                                    options.head_rows));
  if (options.only_index && *options.only_index > static_cast<int64_t>(selection.tensors.size()))
    return fail(ErrorKind::usage, "invalid_only_index",
                fmt::format("--only-index {} is out of range: {} tensors are selected",
                            *options.only_index, selection.tensors.size()));
  auto plan = std::make_unique<ExportPlan>(ExportPlan{std::move(vector), std::move(parts),
                                                      std::move(config), std::move(checkpoint),
                                                      std::move(selection), Manifest()});
  plan->manifest = pending_manifest(*plan, options);
  return plan;
}

std::vector<size_t> order_of_work(const adapt::Selection& selection) {
  const auto& tensors = selection.tensors;
  std::vector<size_t> order;
  for (size_t place = 0; place < tensors.size(); ++place)
    for (size_t other = place; other < tensors.size(); ++other)
      if (tensors[other].stored_name == tensors[place].stored_name &&
          std::find(order.begin(), order.end(), other) == order.end())
        order.push_back(other);
  return order;
}

Json options_document(const ExportOptions& options) {
  return {{"out", options.out.string()},
          {"source_vector", options.vector.string()},
          {"layers", options.layers},
          {"tie_mode", tie_mode_name(options.adaptation.tie_mode)},
          {"svd_compute_type", adapt::svd_compute_type_name(options.adaptation.compute_type)},
          {"profile", options.profile},
          {"compact", options.compact},
          {"resume", options.resume},
          {"force", options.force},
          {"skip_existing", options.skip_existing}};
}

void record_making(ManifestTensor& entry, const adapt::SelectedTensor& tensor,
                   const adapt::TensorFactor& factor, ArtifactLayout layout,
                   const std::string& backend_label) {
  TensorMaking& made = entry.made;
  made.backend_label = made.u_backend = made.s_backend = made.v_backend = made.adapted_backend =
      backend_label;
  made.decompose_source_type = manifest_type(tensor.dtype);
  made.reconstructed_type_before_cast = manifest_type(DType::f32);
  made.checkpoint_type = manifest_type(expected_tensor(entry, layout).dtype);
  entry.measured.svd_gap_report = {factor.gaps.smallest_relative_gap,
                                   factor.gaps.gaps_below_resolution};
  entry.measured.normalization = factor.scaling.normalization;
}

std::string base_tensors_sha256(const adapt::Selection& selection,
                                const std::map<std::string, std::string>& hashes) {
  Sha256 hash;
  for (const adapt::SelectedTensor& tensor : selection.tensors) {
    const auto found = hashes.find(tensor.stored_name);
    hash.update(fmt::format("{} {} {} {}\n", tensor.source_name, dtype_name(tensor.dtype),
                            shape_text(tensor.source_shape),
                            found == hashes.end() ? "" : found->second));
  }
  return hash.hex();
}

std::string base_tensors_sha256(const adapt::Selection& selection, const Manifest& manifest) {
  std::map<std::string, std::string> hashes;
  for (size_t i = 0; i < manifest.tensors.size(); ++i)
    if (const auto& hash = manifest.tensors[i].measured.source_sha256)
      hashes[selection.tensors[i].stored_name] = *hash;
  return base_tensors_sha256(selection, hashes);
}

}  // namespace trinity::bundle
