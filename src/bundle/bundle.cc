#include "bundle/bundle.h"

#include <fmt/format.h>

#include "adapt/adapter.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/checkpoint_check.h"
#include "tensor/float_cast.h"

namespace trinity::bundle {
namespace {

Status require_hash(const std::filesystem::path& path, const std::optional<std::string>& expected,
                    const std::string& what, const char* tag) {
  if (!expected || expected->empty()) return {};
  TRINITY_TRY(const std::string hash, sha256_file(path));
  if (hash == *expected) return {};
  return fail(ErrorKind::invalid_input, tag,
              fmt::format("{} sha256 mismatch: {} hashes to {}, the manifest says {}; fetch or "
                          "export the bundle again",
                          what, path.string(), hash, excerpt(*expected)));
}

/// A tensor in another float type.
Result<std::vector<std::byte>> cast_tensor(const TensorView& view, DType target) {
  TRINITY_TRY(const std::vector<float> values, to_f32(view));
  std::vector<std::byte> out(values.size() * static_cast<size_t>(dtype_size(target)));
  cast_from_f32(values, target, out.data());
  return out;
}

std::string source_of(const ManifestTensor& entry) {
  return entry.source_name.empty() ? adapt::source_name(entry.path).value_or("")
                                   : entry.source_name;
}

}  // namespace

Result<std::unique_ptr<Bundle>> Bundle::open(const std::filesystem::path& folder,
                                             const BundleOptions& options) {
  auto bundle = std::unique_ptr<Bundle>(new Bundle());
  bundle->folder_ = folder;
  bundle->options_ = options;
  TRINITY_TRY(bundle->manifest_, load_manifest(folder));
  if (!options.allow_incomplete) {
    if (Status complete = require_complete(bundle->manifest_); !complete)
      return fail_in(folder.string(), std::move(complete.error()));
  }
  if (bundle->manifest_.tensors.empty())
    return fail(ErrorKind::invalid_input, "no_adapted_tensors",
                fmt::format("the bundle {} lists no adapted tensors; it cannot adapt a model",
                            folder.string()));
  TRINITY_TRY(bundle->manifest_sha256_, sha256_file(folder / kManifestFile));
  return bundle;
}

Result<route::Head> Bundle::head() const {
  TRINITY_TRY(const auto path, resolve_inside(folder_, manifest_.head.file));
  if (options_.check_hashes)
    TRINITY_CHECK(
        require_hash(path, manifest_.head.sha256, "router_head", "router_head_sha256_mismatch"));
  TRINITY_TRY(route::Head head, route::Head::load(path, manifest_.head.tensor_key));
  if (static_cast<int64_t>(head.outputs()) != manifest_.head.shape[0] ||
      static_cast<int64_t>(head.hidden_size()) != manifest_.head.shape[1])
    return fail(ErrorKind::invalid_input, "shape_mismatch",
                fmt::format("shape mismatch: the router head is [{}, {}], but the manifest says {}",
                            head.outputs(), head.hidden_size(), shape_text(manifest_.head.shape)));
  return head;
}

Result<const SafetensorsFile*> Bundle::file_of(const ManifestTensor& entry) {
  const bool merged = manifest_.adapted.layout == ArtifactLayout::single_file;
  const std::string& relative = merged ? manifest_.adapted.file : entry.checkpoint_path;
  if (entry.status != TensorStatus::complete)
    return fail(ErrorKind::invalid_input, "incomplete_artifact",
                fmt::format("{} is {}, not complete; finish the export with --resume",
                            excerpt(entry.path), tensor_status_name(entry.status)));
  auto found = files_.find(relative);
  if (found == files_.end()) {
    TRINITY_TRY(const auto path, resolve_inside(folder_, relative));
    if (options_.check_hashes)
      checks_.start(
          [path, expected = merged ? manifest_.adapted.sha256 : entry.checkpoint_sha256,
           what = merged ? manifest_.adapted.file : excerpt(entry.path),
           tag = merged ? "adapted_tensors_sha256_mismatch" : "checkpoint_sha256_mismatch"] {
            return require_hash(path, expected, what, tag);
          });
    TRINITY_TRY(SafetensorsFile file, SafetensorsFile::open(path));
    found = files_.emplace(relative, std::move(file)).first;
  }
  TRINITY_CHECK(check_entry_tensor(found->second, entry, manifest_.adapted.layout));
  return &found->second;
}

Status Bundle::apply(const model::TensorSource& base, backend::DenseAlgebra* algebra,
                     adapt::AdaptedSource& source) {
  Status applied = apply_all(base, algebra, source);
  // A damaged file may fail in many ways; that it is damaged explains them.
  if (!applied) TRINITY_CHECK(wait_for_checks());
  return applied;
}

Status Bundle::apply_all(const model::TensorSource& base, backend::DenseAlgebra* algebra,
                         adapt::AdaptedSource& source) {
  for (const ManifestTensor& entry : manifest_.tensors) {
    const std::string name = source_of(entry);
    if (name.empty())
      return fail(ErrorKind::unsupported, "unknown_tensor_path",
                  fmt::format("the bundle adapts {}, which is no tensor of a Qwen3 model",
                              excerpt(entry.path)));
    if (name == adapt::kLmHeadName) continue;  // routing does not read it
    if (options_.allow_incomplete && entry.status != TensorStatus::complete) continue;
    TRINITY_CHECK(apply_entry(entry, base, algebra, source));
  }
  return {};
}

/// Whether the base tensor's hash is compared while loading. Factors fit any base of their shape
/// and replace none of it, so all of them are; a full bundle replaces these very tensors, so those
/// of its first layer suffice to tell one model from another. The embedding is 20 times as large as
/// a layer's matrices together and is left to `verify`.
bool Bundle::compares_base(const ManifestTensor& entry, const std::string& name) {
  if (!options_.check_hashes || !entry.measured.source_sha256 || name == adapt::kEmbeddingName)
    return false;
  if (is_compact()) return true;
  const auto layer = adapt::block_index(name);
  if (!layer) return false;
  if (!compared_layer_) compared_layer_ = layer;
  return compared_layer_ == layer;
}

Status Bundle::require_base(const std::string& name, std::span<const std::byte> bytes,
                            const std::string& expected) const {
  if (sha256_hex(bytes) == expected) return {};
  return fail(ErrorKind::invalid_input, "base_model_mismatch",
              fmt::format("{} of the model differs from the one that this bundle was made from; "
                          "give the bundle's own base model{} as --model",
                          name,
                          manifest_.base.repo.empty() ? std::string()
                                                      : " (" + excerpt(manifest_.base.repo) + ")"));
}

Status Bundle::apply_entry(const ManifestTensor& entry, const model::TensorSource& base,
                           backend::DenseAlgebra* algebra, adapt::AdaptedSource& source) {
  const std::string name = source_of(entry);
  TRINITY_TRY(const TensorView target, base.tensor(name));
  TRINITY_TRY(const SafetensorsFile* const file, file_of(entry));
  TRINITY_TRY(const TensorView stored, file->tensor(entry.artifact_key));
  const auto check_base = [&] {
    if (!compares_base(entry, name)) return;
    checks_.start([this, name, bytes = target.bytes, expected = *entry.measured.source_sha256] {
      return require_base(name, bytes, expected);
    });
  };
  if (is_compact()) {
    const int64_t k = entry.singular_values;
    if (target.shape.size() != 2 || std::min(target.shape[0], target.shape[1]) != k)
      return fail(
          ErrorKind::invalid_input, "shape_mismatch",
          fmt::format("shape mismatch: the bundle's factor of {} is [{}, {}], but the model "
                      "has {}; the bundle belongs to another model",
                      name, k, k, shape_text(target.shape)));
    check_base();
    TRINITY_TRY(const std::vector<float> values, to_f32(stored));
    const std::vector<double> factor(values.begin(), values.end());
    return source.project(*algebra, name, factor);
  }
  TRINITY_TRY(const bool turned, adapt::transposed_in_checkpoint(name, stored.shape, target.shape));
  check_base();
  if (!turned && stored.dtype == target.dtype) {
    source.replace(name, stored);
    return {};
  }
  std::vector<std::byte> bytes(stored.bytes.begin(), stored.bytes.end());
  if (stored.dtype != target.dtype) {
    TRINITY_TRY(bytes, cast_tensor(stored, target.dtype));
  }
  if (turned) {
    std::vector<std::byte> out(bytes.size());
    transpose_elements(bytes.data(), stored.shape[0], stored.shape[1],
                       static_cast<size_t>(dtype_size(target.dtype)), out.data());
    bytes = std::move(out);
  }
  source.replace(name, target.dtype, target.shape, std::move(bytes));
  return {};
}

}  // namespace trinity::bundle
