#include "bundle/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "adapt/selection.h"
#include "adapt/tensor_naming.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/checkpoint_check.h"
#include "bundle/export_plan.h"
#include "route/head.h"

namespace trinity::bundle {
namespace {

class Verifier {
 public:
  Verifier(const std::filesystem::path& folder, const Manifest& manifest)
      : folder_(folder), manifest_(manifest) {}

  void check_state() {
    const Status complete = require_complete(manifest_);
    add("manifest.json", complete, fmt::format("version 1, status {}", manifest_.progress.status));
    check("selected_tensors", !manifest_.tensors.empty(),
          fmt::format("{} tensors", manifest_.tensors.size()),
          "the list is empty; such a bundle cannot adapt a model");
    const bool hash_like = manifest_.vector.sha256.size() == 64;
    check("source_vector_sha256", hash_like, "is a SHA-256",
          "is no SHA-256; the bundle is damaged");
  }

  /// Spans in order without gaps, counts that add up, canonical order, unique names.
  void check_spans() {
    int64_t cursor = 0;
    bool contiguous = true, ordered = true, counted = true, unique = true;
    for (size_t i = 0; i < manifest_.tensors.size(); ++i) {
      const ManifestTensor& t = manifest_.tensors[i];
      contiguous &= t.offset_start == cursor && t.offset_end >= t.offset_start;
      cursor = t.offset_end;
      counted &= t.offset_end - t.offset_start == t.singular_values && t.shape.size() == 2 &&
                 t.singular_values == std::min(t.shape[0], t.shape[1]);
      if (i > 0) ordered &= adapt::canonical_before(manifest_.tensors[i - 1].path, t.path);
      for (size_t j = 0; j < i; ++j) unique &= manifest_.tensors[j].path != t.path;
    }
    check("offsets", contiguous && cursor == manifest_.scale_offset_count,
          fmt::format("spans cover 0–{} without gaps", cursor),
          "the spans overlap, leave gaps or do not add up to scale_offset_count");
    check("singular_values", counted, "each is the smaller dimension",
          "a count differs from its tensor's smaller dimension");
    check("order", ordered && unique, "canonical", "tensors are not in canonical order");
    check("selected_singular_value_count",
          manifest_.selected_singular_value_count == manifest_.scale_offset_count,
          "equals scale_offset_count", "differs from scale_offset_count");
  }

  void check_head() {
    const auto path = resolve_inside(folder_, manifest_.head.file);
    if (!path) return add(manifest_.head.file, tl::unexpected(path.error()), "");
    if (!check_hash(manifest_.head.file, *path, manifest_.head.sha256)) return;
    const auto head = route::Head::load(*path, manifest_.head.tensor_key);
    if (!head) return add(manifest_.head.file, tl::unexpected(head.error()), "");
    check(manifest_.head.file,
          static_cast<int64_t>(head->outputs()) == manifest_.head.shape[0] &&
              static_cast<int64_t>(head->hidden_size()) == manifest_.head.shape[1],
          fmt::format("[{}, {}], finite, hash equal", head->outputs(), head->hidden_size()),
          "its shape differs from router_head_shape");
  }

  void check_tensors() {
    for (const ManifestTensor& entry : manifest_.tensors) {
      if (entry.status != TensorStatus::complete) {
        check(entry.checkpoint_path, false, "",
              fmt::format("{} is {}: run trinity export --resume", excerpt(entry.path),
                          tensor_status_name(entry.status)));
        continue;
      }
      const bool hashed = entry.checkpoint_sha256 && !entry.checkpoint_sha256->empty();
      Status status = check_checkpoint(folder_, entry, manifest_.adapted.layout);
      if (status) status = check_finite(entry);
      add(entry.checkpoint_path, status,
          fmt::format("{} {}, {}",
                      shape_text(expected_tensor(entry, manifest_.adapted.layout).shape),
                      dtype_name(expected_tensor(entry, manifest_.adapted.layout).dtype),
                      hashed ? "hash equal, finite" : "finite (no hash recorded)"));
    }
  }

  void check_merged() {
    if (manifest_.adapted.layout != ArtifactLayout::single_file) return;
    const std::string& name = manifest_.adapted.file;
    const auto path = resolve_inside(folder_, name);
    if (!path) return add(name, tl::unexpected(path.error()), "");
    if (!check_hash(name, *path, manifest_.adapted.sha256)) return;
    const auto file = SafetensorsFile::open(*path);
    if (!file) return add(name, tl::unexpected(file.error()), "");
    Status status;
    for (const ManifestTensor& entry : manifest_.tensors) {
      if (status) status = check_entry_tensor(*file, entry, manifest_.adapted.layout);
      if (status) status = equals_checkpoint(*file, entry);
    }
    add(name, status,
        fmt::format("{} tensors, hash equal, same bytes as the checkpoints",
                    manifest_.tensors.size()));
  }

  Status compare_model(const std::filesystem::path& model) {
    TRINITY_TRY(const Checkpoint checkpoint, Checkpoint::open(model));
    std::map<std::string, std::string> hashes;  // by stored name
    adapt::Selection selection;
    bool all_recorded = true;
    for (const ManifestTensor& entry : manifest_.tensors) {
      const std::string name = adapt::source_name(entry.path).value_or(entry.source_name);
      adapt::SelectedTensor tensor;
      tensor.source_name = name;
      tensor.stored_name = name == adapt::kLmHeadName && !checkpoint.has(adapt::kLmHeadName)
                               ? adapt::kEmbeddingName
                               : name;
      const auto view = checkpoint.tensor(tensor.stored_name);
      if (!view) {
        add("base " + name, tl::unexpected(view.error()), "");
        continue;
      }
      tensor.dtype = view->dtype;
      tensor.source_shape = view->shape;
      selection.tensors.push_back(tensor);
      const auto turned = adapt::transposed_in_checkpoint(name, entry.shape, view->shape);
      if (!turned) {
        add("base " + name, tl::unexpected(turned.error()), "");
        continue;
      }
      if (!entry.measured.source_sha256) {
        all_recorded = false;
        add("base " + name, {}, "shape fits (no hash of the base tensor is recorded)");
        continue;
      }
      std::string& hash = hashes[tensor.stored_name];
      if (hash.empty()) hash = sha256_hex(view->bytes);
      checkpoint.release(tensor.stored_name);
      check("base " + name, hash == *entry.measured.source_sha256, "shape fits, hash equal",
            "the model's tensor is not the one this bundle was made from; use its own base model");
    }
    if (manifest_.base.sha256 && all_recorded)
      check("base_model_sha256", base_tensors_sha256(selection, hashes) == *manifest_.base.sha256,
            "equal", "differs: the bundle was made from another base model");
    return {};
  }

  std::vector<Finding> findings;

 private:
  void add(const std::string& subject, const Status& status, const std::string& when_ok) {
    findings.push_back(
        {status.has_value(), excerpt(subject), status ? when_ok : status.error().message});
  }
  void check(const std::string& subject, bool ok, std::string when_ok, std::string when_not) {
    findings.push_back({ok, excerpt(subject), ok ? std::move(when_ok) : std::move(when_not)});
  }

  /// Adds a finding only when the hash is wrong or missing.
  bool check_hash(const std::string& name, const std::filesystem::path& path,
                  const std::optional<std::string>& expected) {
    const auto hash = sha256_file(path);
    if (!hash) {
      add(name, tl::unexpected(hash.error()), "");
      return false;
    }
    if (!expected || expected->empty() || *hash == *expected) return true;
    check(name, false, "",
          fmt::format("sha256 mismatch: {} instead of {}; export or fetch it again", *hash,
                      excerpt(*expected)));
    return false;
  }

  Result<SafetensorsFile> open_checkpoint(const ManifestTensor& entry) {
    TRINITY_TRY(const auto path, resolve_inside(folder_, entry.checkpoint_path));
    return SafetensorsFile::open(path);
  }

  Status check_finite(const ManifestTensor& entry) {
    TRINITY_TRY(const SafetensorsFile file, open_checkpoint(entry));
    TRINITY_TRY(const TensorView view, file.tensor(entry.artifact_key));
    return require_finite(view, entry.path);
  }

  Status equals_checkpoint(const SafetensorsFile& merged, const ManifestTensor& entry) {
    TRINITY_TRY(const SafetensorsFile file, open_checkpoint(entry));
    TRINITY_TRY(const TensorView a, merged.tensor(entry.artifact_key));
    TRINITY_TRY(const TensorView b, file.tensor(entry.artifact_key));
    if (a.bytes.size() == b.bytes.size() &&
        std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin()))
      return {};
    return fail(ErrorKind::invalid_input, "merged_tensor_differs",
                fmt::format("{} differs from its checkpoint; run trinity export --resume",
                            excerpt(entry.path)));
  }

  const std::filesystem::path& folder_;
  const Manifest& manifest_;
};

}  // namespace

int64_t VerifyReport::failed() const {
  return std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return !f.ok; });
}

Result<VerifyReport> verify_bundle(const std::filesystem::path& folder,
                                   const VerifyOptions& options) {
  TRINITY_TRY(const Manifest manifest, load_manifest(folder));
  Verifier verifier(folder, manifest);
  verifier.check_state();
  verifier.check_spans();
  verifier.check_head();
  verifier.check_tensors();
  verifier.check_merged();
  if (!options.model.empty()) TRINITY_CHECK(verifier.compare_model(options.model));
  VerifyReport report;
  report.findings = std::move(verifier.findings);
  report.status = manifest.progress.status;
  return report;
}

}  // namespace trinity::bundle
