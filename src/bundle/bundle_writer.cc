#include "bundle/bundle_writer.h"

#include <algorithm>
#include <utility>

#include "base/sha256.h"
#include "base/try.h"
#include "bundle/bundle_paths.h"

namespace trinity {
namespace {

bool is_complete(const ManifestTensor& entry) { return entry.status == TensorStatus::complete; }

}  // namespace

BundleWriter::BundleWriter(std::filesystem::path folder, Manifest fresh)
    : path_(std::move(folder)), manifest_(std::move(fresh)) {}

Status BundleWriter::prepare(bool resume, bool force) {
  TRINITY_TRY(folder_, prepare_export_folder(path_, resume, force));
  if (folder_->state == FolderState::resumed) {
    TRINITY_TRY(previous_, load_manifest(path_));
  }
  return {};
}

Status BundleWriter::take_over() { return resume_manifest(path_, *previous_, manifest_); }

void BundleWriter::keep_if_whole(const HeadMatrix& head) {
  const Manifest& before = *previous_;
  if (!require_complete(before) || completed() != total()) return;
  const auto is = [&](const std::string& name, const std::optional<std::string>& hash) {
    const auto found = sha256_file(path_ / name);
    return found && hash && *found == *hash;
  };
  const auto same_head = head_file_holds(path_ / before.router_head_artifact, head);
  if (!same_head || !*same_head || !is(before.router_head_artifact, before.router_head_sha256))
    return;
  if (before.layout == ArtifactLayout::single_file &&
      !is(before.adapted_tensors_artifact, before.adapted_tensors_sha256))
    return;
  whole_ = true;
  manifest_ = before;
}

Status BundleWriter::begin(const char* status) {
  if (whole_) return {};
  begun_ = true;
  manifest_.status = status;
  manifest_.export_complete = false;
  return save();
}

Result<BundleWriter::HeadState> BundleWriter::head(const HeadMatrix& head, bool keep,
                                                   std::string& reason) {
  TRINITY_TRY(const auto path, resolve_inside(path_, manifest_.router_head_artifact));
  std::error_code ignored;
  HeadState state = HeadState::written;
  if (keep && std::filesystem::exists(path, ignored)) {
    const auto same = head_file_holds(path, head);
    state = same && *same ? HeadState::kept : HeadState::rewritten;
    reason = same ? "it holds other values" : same.error().message;
  }
  if (state == HeadState::kept && whole_) return state;
  if (state != HeadState::kept) TRINITY_CHECK(write_head_file(path, head));
  TRINITY_TRY(manifest_.router_head_sha256, sha256_file(path));
  TRINITY_CHECK(save());
  return state;
}

std::int64_t BundleWriter::completed() const {
  return std::count_if(manifest_.tensors.begin(), manifest_.tensors.end(), is_complete);
}

Status BundleWriter::set(std::size_t place, ManifestTensor entry) {
  manifest_.tensors[place] = std::move(entry);
  return save(Durability::later);
}

bool BundleWriter::fail_tensor(std::size_t place, const Error& error) {
  if (manifest_.status == "failed") return false;
  ManifestTensor& entry = manifest_.tensors[place];
  entry.status = TensorStatus::failed;
  entry.error = error.message;
  entry.checkpoint_sha256.reset();
  fail();
  return true;
}

void BundleWriter::fail() {
  if (!begun_ || manifest_.status == "failed") return;
  manifest_.status = "failed";
  manifest_.export_complete = false;
  // On a full disk this fails too; the manifest on disk then still says `running`.
  const Status ignored = save();
  static_cast<void>(ignored);
}

Status BundleWriter::finish(bool complete) {
  manifest_.status = complete ? "complete" : "partial";
  manifest_.export_complete = complete;
  return save();
}

Status BundleWriter::save(Durability durability) {
  return save_manifest(path_, manifest_, durability);
}

}  // namespace trinity
