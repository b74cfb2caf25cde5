#include "bundle/export_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/try.h"

namespace trinity {
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

ManifestTensor pending_entry(const SelectedTensor& tensor, const ExportOptions& options) {
  ManifestTensor entry;
  entry.index = tensor.index;
  entry.path = tensor.path;
  entry.artifact_key = tensor.path;
  entry.segments = path_segments(tensor.path);
  entry.source_name = tensor.source_name;
  entry.shape = tensor.target_shape;
  entry.type = elixir_type(tensor.dtype);
  entry.source_type = entry.type;
  entry.svd_compute_type = svd_compute_type_name(options.adaptation.compute_type);
  entry.offset_start = tensor.offset_start;
  entry.offset_end = tensor.offset_end;
  entry.singular_values = tensor.singular_values();
  entry.checkpoint_path = checkpoint_file_name(tensor.index, tensor.path);
  return entry;
}

Manifest pending_manifest(const ExportPlan& plan, const ExportOptions& options) {
  Manifest m;
  m.created_at = m.updated_at = utc_now();
  m.base_model_repo =
      options.base_model_repo.empty() ? repository_of(options.model) : options.base_model_repo;
  m.layers = options.layers;
  m.spec_name = m.base_model_repo == kPublishedModel && m.layers == std::vector<int64_t>{26}
                    ? "qwen3_0_6b_layer26"
                    : "custom";
  m.source_vector_path = options.vector.string();
  m.source_vector_tensor = plan.vector.tensor_name;
  m.source_vector_shape = {static_cast<int64_t>(plan.vector.values.size())};
  m.source_vector_sha256 = plan.vector.sha256;
  m.scale_offset_count = plan.selection.scale_count();
  m.router_head_shape = {plan.parts.outputs, plan.parts.hidden};
  m.layout =
      options.compact ? ArtifactLayout::factor_directory : ArtifactLayout::checkpoint_directory;
  m.selected_singular_value_count = plan.selection.scale_count();
  m.only_index = options.only_index;
  m.skip_existing = options.skip_existing;
  m.fidelity_mode = options.adaptation.tie_mode == TieMode::last_write ? "author" : "reference";
  m.tie_mode = tie_mode_name(options.adaptation.tie_mode);
  m.svd_compute_type = svd_compute_type_name(options.adaptation.compute_type);
  m.producer = options.producer;
  m.producer_profile = options.profile;
  if (!options.base_model_revision.empty()) m.base_model_revision = options.base_model_revision;
  for (const SelectedTensor& tensor : plan.selection.tensors)
    m.tensors.push_back(pending_entry(tensor, options));
  return m;
}

}  // namespace

Result<std::unique_ptr<ExportPlan>> plan_export(const ExportOptions& options) {
  if (options.only_index && *options.only_index <= 0)
    return fail(ErrorKind::usage, "invalid_only_index",
                "--only-index counts tensors from 1; see --dry-run for the list");
  TRINITY_TRY(RouterVector vector, RouterVector::load(options.vector, options.vector_tensor));
  TRINITY_TRY(ModelConfig config, load_model_config(options.model));
  TRINITY_TRY(Checkpoint checkpoint, Checkpoint::open(options.model));
  TRINITY_TRY(Selection selection, select_tensors(checkpoint, config, options.layers));
  TRINITY_TRY(RouterVectorParts parts, split_off_head(vector.values, selection.scale_count(),
                                                      config.hidden_size, options.head_rows));
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

std::string base_tensors_sha256(const Selection& selection,
                                const std::map<std::string, std::string>& hashes) {
  Sha256 hash;
  for (const SelectedTensor& tensor : selection.tensors) {
    const auto found = hashes.find(tensor.stored_name);
    hash.update(fmt::format("{} {} {} {}\n", tensor.source_name, dtype_name(tensor.dtype),
                            shape_text(tensor.source_shape),
                            found == hashes.end() ? "" : found->second));
  }
  return hash.hex();
}

}  // namespace trinity
