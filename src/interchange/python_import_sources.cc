#include "interchange/python_import_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "adapt/tensor_naming.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/json_lookup.h"

namespace trinity::interchange {
namespace {

namespace fs = std::filesystem;

/// A file that the manifest names, or that lies beside it under its default name.
fs::path locate(const fs::path& folder, const std::optional<std::string>& named,
                const char* default_name) {
  return named ? bundle::locate_named_file(folder, *named) : folder / default_name;
}

/// The bundle path of a source name: as the reference manifest has it, else by rule.
std::optional<std::string> path_of(const std::string& source_name, const Json* reference_entries) {
  if (reference_entries != nullptr)
    for (const Json& entry : *reference_entries)
      if (bundle::find_text(entry, {"source_name"}) == source_name)
        if (auto path = bundle::find_text(entry, {"elixir_name", "elixir_path"})) return path;
  return adapt::bundle_path(source_name);
}

Result<PythonEntry> read_entry(const Json& json, size_t place, const Json* reference_entries) {
  PythonEntry entry;
  const auto name = bundle::find_text(
      json, {"source_name", "source_parameter", "python_name", "tensor_name", "name", "path"});
  if (!name)
    return fail(ErrorKind::invalid_input, "missing_tensor_name",
                fmt::format("entry {} of the Python manifest names no tensor; it needs a "
                            "source_name",
                            place));
  entry.source_name = *name;
  auto path = bundle::find_text(json, {"elixir_name", "elixir_path"});
  if (!path) path = path_of(*name, reference_entries);
  if (!path)
    return fail(ErrorKind::invalid_input, "missing_elixir_name",
                fmt::format("nothing says which bundle tensor {} becomes; give its elixir_name in "
                            "the manifest, or a reference manifest that has it",
                            excerpt(*name)));
  entry.path = *path;
  entry.shape = bundle::find_integers(json, "shape");
  if (entry.shape.size() != 2) entry.shape.clear();  // the shape of the singular values, or none
  TRINITY_TRY(
      entry.layout,
      parse_v_layout(bundle::find_text(json, {"python_v_layout", "v_layout", "component_v_layout"})
                         .value_or("torch_v")));
  const std::string safe =
      bundle::find_text(json, {"safe_key", "safe_parameter"}).value_or(safe_tensor_name(*name));
  const auto key = [&](const char* lower, const char* upper) {
    const std::string in_tensors = "component_tensors.";
    return bundle::find_text(json, {in_tensors + lower, in_tensors + upper})
        .value_or(fmt::format("svd.{}.{}", upper, safe));
  };
  entry.keys = {key("u", "U"), key("s", "S"), key("v", "V"),
                bundle::find_text(json, {"scale_tensor"}).value_or("svf.scale_offsets." + safe)};
  entry.offset_start = bundle::find_integer(json, "offset_start");
  entry.offset_end = bundle::find_integer(json, "offset_end");
  return entry;
}

/// Inner objects are ordered by key, as in every bundle that was written so far.
Json semantic_parts(const Json& manifest) {
  Json out;
  for (const char* key : {"format", "version", "model", "routing", "source_vector_sha256"})
    out[key] = sorted_by_key(manifest[key]);
  return out;
}

}  // namespace

std::string safe_tensor_name(std::string_view source_name) {
  std::string out;
  for (const char c : source_name) {
    const bool kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      c == '_' || c == '.' || c == '-';
    if (kept)
      out += c;
    else
      out += "__";
  }
  return out;
}

std::string provenance_path(const fs::path& path, const fs::path& root) {
  if (!path.is_absolute()) return path.string();
  const fs::path inside = path.lexically_normal().lexically_relative(root.lexically_normal());
  if (!inside.empty() && *inside.begin() != "..") {
    const std::string text = inside.string();
    return text.empty() ? "." : text;
  }
  return "<external>:" + path.filename().string();
}

Result<PythonSources> read_python_sources(const fs::path& folder, const std::string& manifest_name,
                                          const fs::path& reference_path) {
  TRINITY_TRY(const Json manifest, bundle::read_json_object(folder / manifest_name));
  Json reference;
  if (!reference_path.empty()) {
    TRINITY_TRY(reference, bundle::read_json_object(reference_path));
  }
  return python_sources_of(folder, manifest_name, manifest, reference);
}

Result<PythonSources> python_sources_of(const fs::path& folder, const std::string& manifest_name,
                                        const Json& manifest, const Json& reference) {
  PythonSources out;
  out.manifest = folder / manifest_name;
  out.reference_loaded = reference.is_object();
  out.components = locate(
      folder,
      bundle::find_text(manifest, {"components_path", "component_path", "svf_components_path",
                                   "components_file", "outputs.components"}),
      kPythonComponentsFile);
  out.scales = locate(
      folder,
      bundle::find_text(manifest, {"scale_offsets_path", "scales_path", "svf_scale_offsets_path",
                                   "scale_offsets_file", "outputs.scale_offsets"}),
      kPythonScalesFile);
  out.head = locate(folder,
                    bundle::find_text(manifest, {"router_head_path", "head_path",
                                                 "router_head_file", "outputs.head"}),
                    kPythonHeadFile);
  out.head_key =
      bundle::find_text(manifest, {"router_head_tensor", "router_head_key", "routing.head_tensor"});
  out.base_model = bundle::find_text(manifest, {"base_model_repo", "source.model_name"});
  out.vector_path = bundle::find_text(manifest, {"source_vector_path", "source.router_vector"});
  out.vector_tensor = bundle::find_text(manifest, {"source_vector_tensor"});
  out.vector_sha256 =
      bundle::find_text(manifest, {"source_vector_sha256", "source.router_vector_sha256"});
  out.vector_shape = bundle::find_integers(manifest, "source_vector_shape");
  out.semantic_manifest = semantic_parts(manifest);

  const Json* reference_entries = bundle::find_list(reference, {"selected_tensors"});
  const Json* entries = bundle::find_list(
      manifest,
      {"selected_tensors", "selected_entries", "tensors", "svf.selected_tensors", "svf.entries"});
  if (entries == nullptr) entries = reference_entries;
  if (entries == nullptr)
    return fail(ErrorKind::invalid_input, "missing_selected_tensors",
                fmt::format("missing_selected_tensors: {} lists no tensors; name a reference "
                            "manifest that does with --reference",
                            out.manifest.string()));
  std::set<std::string> paths;
  for (size_t i = 0; i < entries->size(); ++i) {
    TRINITY_TRY(PythonEntry entry, read_entry((*entries)[i], i, reference_entries));
    if (!paths.insert(entry.path).second)
      return fail(ErrorKind::invalid_input, "duplicate_tensor",
                  fmt::format("{} lists {} twice", out.manifest.string(), excerpt(entry.path)));
    out.entries.push_back(std::move(entry));
  }
  return out;
}

}  // namespace trinity::interchange
