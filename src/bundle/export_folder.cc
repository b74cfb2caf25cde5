#include "bundle/export_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/checkpoint_check.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) { return excerpt(path.string(), 1024); }

bool is_bundle_file(const fs::path& name) {
  std::string text = name.string();
  if (text.size() > 4 && text.substr(text.size() - 4) == ".tmp") text.resize(text.size() - 4);
  return text == kManifestFile || text == kHeadFile || text == kMergedFile ||
         text == kExportLogFile;
}

Status remove_file(const fs::path& path) {
  std::error_code failed;
  fs::remove(path, failed);
  if (!failed) return {};
  return fail(ErrorKind::failed, "unwritable_file",
              fmt::format("{} cannot be removed ({}); check its permissions", shown(path),
                          failed.message()));
}

/// Removes an earlier bundle's files. What this program did not write stays and is named.
Status remove_bundle(const fs::path& folder, std::vector<std::string>& foreign) {
  // First of all: without its manifest, what a kill leaves of the rest is no complete bundle.
  TRINITY_CHECK(remove_file(folder / kManifestFile));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path name = entry.path().filename();
    std::error_code failed;
    if (name == "checkpoints" && entry.is_directory(failed) && !entry.is_symlink(failed)) {
      for (const auto& file : fs::directory_iterator(entry.path(), failed)) {
        const std::string text = file.path().filename().string();
        const bool ours = text.find(".safetensors") != std::string::npos;
        if (ours) fs::remove(file.path(), failed);
        if (!ours || failed) foreign.push_back("checkpoints/" + text);
      }
    } else if (is_bundle_file(name)) {
      TRINITY_CHECK(remove_file(entry.path()));
    } else {
      foreign.push_back(name.string());
    }
  }
  return {};
}

Status create_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder / "checkpoints", error);
  if (error)
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("the folder {} cannot be created ({})", shown(folder / "checkpoints"),
                            error.message()));
  return {};
}

bool same_entry(const ManifestTensor& a, const ManifestTensor& b) {
  return a.path == b.path && a.artifact_key == b.artifact_key && a.shape == b.shape &&
         a.singular_values == b.singular_values && a.type == b.type && a.segments == b.segments &&
         a.checkpoint_path == b.checkpoint_path;
}

/// The name of the first field in which two exports differ; empty when they are the same work.
std::string first_difference(const Manifest& a, const Manifest& b) {
  if (a.base_model_repo != b.base_model_repo) return "base_model_repo";
  if (a.bumblebee_module != b.bumblebee_module) return "bumblebee_module";
  if (a.architecture != b.architecture) return "architecture";
  if (a.xla_target != b.xla_target) return "xla_target";
  if (a.export_backend != b.export_backend) return "export_backend";
  if (a.source_vector_tensor != b.source_vector_tensor) return "source_vector_tensor";
  if (a.source_vector_sha256 != b.source_vector_sha256) return "source_vector_sha256";
  if (a.source_vector_shape != b.source_vector_shape) return "source_vector_shape";
  if (a.selected_singular_value_count != b.selected_singular_value_count)
    return "selected_singular_value_count";
  if (a.scale_offset_count != b.scale_offset_count) return "scale_offset_count";
  if (a.router_head_shape != b.router_head_shape) return "router_head_shape";
  if (a.svd_compute_type.value_or("source") != b.svd_compute_type.value_or("source"))
    return "svd_compute_type";
  if (a.tie_mode.value_or("embed_offsets") != b.tie_mode.value_or("embed_offsets"))
    return "tie_mode";
  const bool compact_a = a.layout == ArtifactLayout::factor_directory;
  const bool compact_b = b.layout == ArtifactLayout::factor_directory;
  if (compact_a != compact_b) return "artifact_layout";
  if (a.tensors.size() != b.tensors.size()) return "selected_tensor_count";
  for (size_t i = 0; i < a.tensors.size(); ++i)
    if (!same_entry(a.tensors[i], b.tensors[i])) return "selected_tensors";
  return {};
}

}  // namespace

Result<FolderLock> FolderLock::acquire(const fs::path& folder) {
  FolderLock lock(Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!lock.descriptor_.is_open())
    return fail(
        ErrorKind::failed, "unwritable_file",
        fmt::format("the folder {} cannot be opened ({})", shown(folder), std::strerror(errno)));
  if (::flock(lock.descriptor_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return fail(ErrorKind::failed, "output_busy",
                fmt::format("another process is exporting to {}; wait for it and try again",
                            shown(folder)));
  return lock;
}

Result<PreparedFolder> prepare_export_folder(const fs::path& folder, bool resume, bool force) {
  std::error_code error;
  const bool exists = fs::exists(fs::symlink_status(folder, error));
  if (exists && !fs::is_directory(folder, error))
    return fail(ErrorKind::usage, "not_a_directory",
                fmt::format("{} is not a directory; choose another --out", shown(folder)));
  const bool empty = !exists || fs::is_empty(folder, error);
  if (!empty && !resume && !force)
    return fail(ErrorKind::usage, "output_dir_already_exists_without_resume",
                fmt::format("Output directory exists: {}; continue it with --resume or replace it "
                            "with --force",
                            shown(folder)));
  if (!exists) TRINITY_CHECK(create_folders(folder));
  TRINITY_TRY(FolderLock lock, FolderLock::acquire(folder));
  PreparedFolder prepared{FolderState::fresh, std::move(lock), {}};
  if (force) {
    TRINITY_CHECK(remove_bundle(folder, prepared.foreign_files));
  } else if (resume && !empty) {
    if (!fs::exists(folder / kManifestFile, error))
      return fail(ErrorKind::missing, "missing_manifest_for_resume",
                  fmt::format("{} holds no manifest.json to resume from; start over with --force",
                              shown(folder)));
    prepared.state = FolderState::resumed;
  }
  TRINITY_CHECK(create_folders(folder));
  // A folder that is a link would let the tensors land elsewhere.
  TRINITY_CHECK(resolve_inside(folder, "checkpoints/tensor"));
  return prepared;
}

Status resume_manifest(const fs::path& folder, const Manifest& previous, Manifest& manifest) {
  if (const std::string field = first_difference(previous, manifest); !field.empty())
    return fail(ErrorKind::usage, "export_exception",
                fmt::format("existing manifest identity mismatch; use --force to rebuild artifacts "
                            "({} differs)",
                            field));
  manifest.created_at = previous.created_at;
  manifest.updated_at = previous.updated_at;
  manifest.router_head_sha256 = previous.router_head_sha256;
  manifest.adapted_tensors_sha256 = previous.adapted_tensors_sha256;
  manifest.base_model_sha256 = previous.base_model_sha256;
  for (size_t i = 0; i < manifest.tensors.size(); ++i) {
    const ManifestTensor& before = previous.tensors[i];
    if (before.status != TensorStatus::complete || !before.checkpoint_sha256 ||
        before.checkpoint_sha256->empty() || !check_checkpoint(folder, before, previous.layout))
      continue;
    manifest.tensors[i] = before;
  }
  return {};
}

}  // namespace trinity
