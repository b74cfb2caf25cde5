#include "bundle/python_import_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "adapt/tensor_naming.h"
#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr size_t kMaxJsonBytes = size_t{16} << 20;

Result<Json> read_json(const fs::path& path) {
  auto text = read_text_file(path, kMaxJsonBytes);
  if (!text) {
    if (text.error().tag == "missing_file")
      return fail(ErrorKind::missing, "missing_json",
                  fmt::format("missing_json({}): there is no such file", path.string()));
    return tl::unexpected(std::move(text.error()));
  }
  auto json = parse_json(*text);
  if (!json)
    return fail(ErrorKind::invalid_input, "invalid_json",
                fmt::format("invalid_json({}): {}", path.string(), json.error().message));
  if (!json->is_object())
    return fail(ErrorKind::invalid_input, "invalid_json",
                fmt::format("invalid_json({}): it is no JSON object", path.string()));
  return json;
}

/// The value under a dotted key; null when any part is absent.
const Json* find(const Json& json, std::string_view dotted) {
  const Json* at = &json;
  while (at != nullptr && !dotted.empty()) {
    const size_t dot = std::min(dotted.find('.'), dotted.size());
    const auto found = at->is_object() ? at->find(std::string(dotted.substr(0, dot))) : at->end();
    at = at->is_object() && found != at->end() && !found->is_null() ? &*found : nullptr;
    dotted.remove_prefix(std::min(dot + 1, dotted.size()));
  }
  return at;
}

/// The first string that is there and not empty.
std::optional<std::string> first_text(const Json& json,
                                      std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (const Json* value = find(json, key); value != nullptr && value->is_string())
      if (const auto& text = value->get_ref<const std::string&>(); !text.empty()) return text;
  return std::nullopt;
}

std::optional<int64_t> integer(const Json& json, std::string_view key) {
  const Json* value = find(json, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{1} << 62)
    return std::nullopt;
  return value->get<int64_t>();
}

std::vector<int64_t> integers(const Json& json, std::string_view key) {
  const Json* value = find(json, key);
  if (value == nullptr || !value->is_array()) return {};
  std::vector<int64_t> out;
  for (const Json& item : *value) {
    if (!item.is_number_integer()) return {};
    out.push_back(item.get<int64_t>());
  }
  return out;
}

/// A file that a manifest names: absolute or relative to the working directory as it is, else below
/// the manifest's folder; a bundle that was moved has it under its last name there.
fs::path locate(const fs::path& folder, const std::optional<std::string>& named,
                const char* default_name) {
  if (!named) return folder / default_name;
  std::error_code ignored;
  fs::path path(*named);
  if (!path.is_absolute() && !fs::exists(path, ignored)) path = folder / path;
  const fs::path moved = folder / path.filename();
  return fs::exists(path, ignored) || !fs::exists(moved, ignored) ? path : moved;
}

const Json* first_list(const Json& json, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (const Json* value = find(json, key);
        value != nullptr && value->is_array() && !value->empty())
      return value;
  return nullptr;
}

/// The bundle path of a source name: as the reference manifest has it, else by rule.
std::optional<std::string> path_of(const std::string& source_name, const Json* reference_entries) {
  if (reference_entries != nullptr)
    for (const Json& entry : *reference_entries)
      if (first_text(entry, {"source_name"}) == source_name)
        if (auto path = first_text(entry, {"elixir_name", "elixir_path"})) return path;
  return bundle_path(source_name);
}

Result<PythonEntry> read_entry(const Json& json, size_t place, const Json* reference_entries) {
  PythonEntry entry;
  const auto name = first_text(
      json, {"source_name", "source_parameter", "python_name", "tensor_name", "name", "path"});
  if (!name)
    return fail(ErrorKind::invalid_input, "missing_tensor_name",
                fmt::format("entry {} of the Python manifest names no tensor; it needs a "
                            "source_name",
                            place));
  entry.source_name = *name;
  auto path = first_text(json, {"elixir_name", "elixir_path"});
  if (!path) path = path_of(*name, reference_entries);
  if (!path)
    return fail(ErrorKind::invalid_input, "missing_elixir_name",
                fmt::format("nothing says which bundle tensor {} becomes; give its elixir_name in "
                            "the manifest, or a reference manifest that has it",
                            excerpt(*name)));
  entry.path = *path;
  entry.shape = integers(json, "shape");
  if (entry.shape.size() != 2) entry.shape.clear();  // the shape of the singular values, or none
  TRINITY_TRY(entry.layout,
              parse_v_layout(first_text(json, {"python_v_layout", "v_layout", "component_v_layout"})
                                 .value_or("torch_v")));
  const std::string safe =
      first_text(json, {"safe_key", "safe_parameter"}).value_or(safe_tensor_name(*name));
  const auto key = [&](const char* lower, const char* upper) {
    const std::string in_tensors = "component_tensors.";
    return first_text(json, {in_tensors + lower, in_tensors + upper})
        .value_or(fmt::format("svd.{}.{}", upper, safe));
  };
  entry.keys = {key("u", "U"), key("s", "S"), key("v", "V"),
                first_text(json, {"scale_tensor"}).value_or("svf.scale_offsets." + safe)};
  entry.offset_start = integer(json, "offset_start");
  entry.offset_end = integer(json, "offset_end");
  return entry;
}

std::string semantic_parts(const Json& manifest) {
  nlohmann::ordered_json out;
  for (const char* key : {"format", "version", "model", "routing", "source_vector_sha256"})
    out[key] = find(manifest, key) == nullptr ? Json(nullptr) : manifest.at(key);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
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
  PythonSources out;
  out.manifest = folder / manifest_name;
  TRINITY_TRY(const Json manifest, read_json(out.manifest));
  Json reference;
  if (!reference_path.empty()) {
    TRINITY_TRY(reference, read_json(reference_path));
    out.reference_loaded = true;
  }
  out.components =
      locate(folder,
             first_text(manifest, {"components_path", "component_path", "svf_components_path",
                                   "components_file", "outputs.components"}),
             kPythonComponentsFile);
  out.scales =
      locate(folder,
             first_text(manifest, {"scale_offsets_path", "scales_path", "svf_scale_offsets_path",
                                   "scale_offsets_file", "outputs.scale_offsets"}),
             kPythonScalesFile);
  out.head = locate(
      folder,
      first_text(manifest, {"router_head_path", "head_path", "router_head_file", "outputs.head"}),
      kPythonHeadFile);
  out.head_key =
      first_text(manifest, {"router_head_tensor", "router_head_key", "routing.head_tensor"});
  out.base_model = first_text(manifest, {"base_model_repo", "source.model_name"});
  out.vector_path = first_text(manifest, {"source_vector_path", "source.router_vector"});
  out.vector_tensor = first_text(manifest, {"source_vector_tensor"});
  out.vector_sha256 = first_text(manifest, {"source_vector_sha256", "source.router_vector_sha256"});
  out.vector_shape = integers(manifest, "source_vector_shape");
  out.semantic_manifest = semantic_parts(manifest);

  const Json* reference_entries = first_list(reference, {"selected_tensors"});
  const Json* entries = first_list(manifest, {"selected_tensors", "selected_entries", "tensors",
                                              "svf.selected_tensors", "svf.entries"});
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

}  // namespace trinity
