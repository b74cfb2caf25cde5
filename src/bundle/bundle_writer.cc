#include "bundle/bundle_writer.h"

#include <utility>

#include "base/sha256.h"
#include "base/try.h"
#include "bundle/bundle_paths.h"
#include "bundle/export_resume.h"

namespace trinity::bundle {
BundleWriter::BundleWriter(std::filesystem::path folder, Manifest fresh)
    : path_(std::move(folder)), manifest_(std::move(fresh)) {}

Status BundleWriter::prepare(bool resume, bool force) {
  TRINITY_TRY(folder_, prepare_export_folder(path_, resume, force));
  if (folder_->state == FolderState::resumed) {
    TRINITY_TRY(previous_, load_manifest(path_));
    // All that a whole bundle's journal says is in its manifest: a kill spared it.
    if (previous_->progress.export_complete) remove_journal(path_);
  }
  return {};
}

Status BundleWriter::take_over() { return resume_manifest(path_, *previous_, manifest_); }

void BundleWriter::keep_if_whole(const route::HeadMatrix& head) {
  const Manifest& before = *previous_;
  if (!require_complete(before) || manifest_.completed() != total()) return;
  const auto is = [&](const std::string& name, const std::optional<std::string>& hash) {
    const auto found = sha256_file(path_ / name);
    return found && hash && *found == *hash;
  };
  const auto same_head = route::head_file_holds(path_ / before.head.file, head);
  if (!same_head || !*same_head || !is(before.head.file, before.head.sha256)) return;
  if (before.adapted.layout == ArtifactLayout::single_file &&
      !is(before.adapted.file, before.adapted.sha256))
    return;
  whole_ = true;
  manifest_ = before;
}

Status BundleWriter::begin(const char* status) {
  if (whole_) return {};
  begun_ = true;
  manifest_.progress.status = status;
  manifest_.progress.export_complete = false;
  return save();
}

Result<BundleWriter::HeadState> BundleWriter::head(const route::HeadMatrix& head, bool keep,
                                                   std::string& reason) {
  TRINITY_TRY(const auto path, resolve_inside(path_, manifest_.head.file));
  std::error_code ignored;
  HeadState state = HeadState::written;
  if (keep && std::filesystem::exists(path, ignored)) {
    const auto same = route::head_file_holds(path, head);
    state = same && *same ? HeadState::kept : HeadState::rewritten;
    reason = same ? "it holds other values" : same.error().message;
  }
  if (state == HeadState::kept && whole_) return state;
  if (state != HeadState::kept) TRINITY_CHECK(route::write_head_file(path, head));
  TRINITY_TRY(manifest_.head.sha256, sha256_file(path));
  TRINITY_CHECK(save());
  return state;
}

void BundleWriter::start(std::size_t place, ManifestTensor entry) {
  manifest_.tensors[place] = std::move(entry);
  manifest_.tensors[place].status = TensorStatus::running;
}

Status BundleWriter::record(std::size_t place, ManifestTensor entry) {
  if (!journal_) {
    TRINITY_TRY(journal_, ProgressJournal::begin(path_));
  }
  TRINITY_CHECK(journal_->append(entry, manifest_.is_native()));
  manifest_.tensors[place] = std::move(entry);
  return {};
}

bool BundleWriter::fail_tensor(std::size_t place, const Error& error) {
  if (manifest_.progress.status == "failed") return false;
  ManifestTensor& entry = manifest_.tensors[place];
  entry.status = TensorStatus::failed;
  entry.error = error.message;
  entry.checkpoint_sha256.reset();
  fail();
  return true;
}

void BundleWriter::fail() {
  // Another thread may have finished a tensor since it was said.
  if (!begun_ || (manifest_.progress.status == "failed" && !journal_)) return;
  manifest_.progress.status = "failed";
  manifest_.progress.export_complete = false;
  // On a full disk this fails too; the manifest on disk then still says how the run began.
  const Status ignored = save();
  static_cast<void>(ignored);
}

Status BundleWriter::finish(bool complete) {
  manifest_.progress.status = complete ? "complete" : "partial";
  manifest_.progress.export_complete = complete;
  return save();
}

Status BundleWriter::save() {
  TRINITY_CHECK(save_manifest(path_, manifest_));
  journal_.reset();
  remove_journal(path_);
  return {};
}

}  // namespace trinity::bundle
