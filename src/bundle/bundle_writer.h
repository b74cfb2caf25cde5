// A bundle on its way to the disk: its folder, its manifest, and what an earlier run left of it.
//
// `export` and `import` differ in where a bundle's tensors come from; this is what they share, and
// what the promise rests on that a bundle is whole or says that it is not. The manifest is saved
// before the work and after it; between the two a journal takes every finished tensor
// (progress_journal.h). `complete` comes last, and once something was written every failure ends as
// `failed`. A bundle that is whole when the work begins is never taken back:
// nothing of it is written that would not be the same.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bundle/export_folder.h"
#include "bundle/manifest.h"
#include "bundle/progress_journal.h"
#include "route/head_file.h"

namespace trinity::bundle {

/// What a run made of a bundle.
struct BundleReport {
  Manifest manifest;
  std::int64_t written = 0;  // tensors computed in this run
  std::int64_t kept = 0;     // from an earlier one
  double total_ms = 0;
  std::vector<std::string> foreign_files;  // found in the folder and left alone
};

/// How much of the whole is done, in a unit that is the run's own.
using WorkProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Not for several threads at once: whoever has several keeps the calls apart.
class BundleWriter {
 public:
  /// `fresh` is the manifest of this run with everything pending.
  BundleWriter(std::filesystem::path folder, Manifest fresh);

  /// Takes the folder, and loads the manifest of an earlier run that is to be continued. Errors:
  /// those of prepare_export_folder and load_manifest.
  Status prepare(bool resume, bool force);
  bool prepared() const { return folder_.has_value(); }
  const std::vector<std::string>& foreign_files() const { return folder_->foreign_files; }
  /// The earlier run's manifest; nothing for a run that starts anew.
  std::optional<Manifest>& previous() { return previous_; }

  /// Takes over what the earlier run finished and is still undamaged. Errors: those of
  /// resume_manifest.
  Status take_over();
  /// Looks whether nothing is left to do: the earlier run's bundle is complete, with this head, and
  /// every file of it is what the manifest says. Its manifest then stands.
  void keep_if_whole(const route::HeadMatrix& head);
  bool whole() const { return whole_; }
  /// Saves the manifest of this run with the status "pending" or "partial", unless the bundle is
  /// whole.
  Status begin(const char* status);

  enum class HeadState { kept, rewritten, written };
  /// Writes the head. With `keep` one with the same values stays, and `reason` says why another was
  /// rewritten. Errors: those of write_head_file and save_manifest.
  Result<HeadState> head(const route::HeadMatrix& head, bool keep, std::string& reason);

  const Manifest& manifest() const { return manifest_; }
  Manifest& manifest() { return manifest_; }
  const ManifestTensor& entry(std::size_t place) const { return manifest_.tensors[place]; }
  std::int64_t total() const { return static_cast<std::int64_t>(manifest_.tensors.size()); }

  /// Says that a tensor is being computed; a run that ends before it is finished computes it again.
  void start(std::size_t place, ManifestTensor entry);
  /// Records a finished tensor, whose file has its name. Errors: those of ProgressJournal.
  Status record(std::size_t place, ManifestTensor entry);
  /// Says of a tensor, and with it of the bundle, that it failed; false when something had failed
  /// before, which is then what is told.
  bool fail_tensor(std::size_t place, const Error& error);
  /// Says that the bundle failed, once the run has begun to write.
  void fail();
  /// Saves the manifest as complete, or as partial.
  Status finish(bool complete);

 private:
  /// Writes the manifest, which holds all that the journal does, and drops the journal.
  Status save();

  const std::filesystem::path path_;
  Manifest manifest_;
  std::optional<PreparedFolder> folder_;
  std::optional<Manifest> previous_;
  std::optional<ProgressJournal> journal_;  // of the manifest on disk; begun with its first line
  bool begun_ = false;                      // the manifest on disk is of this run
  bool whole_ = false;
};

}  // namespace trinity::bundle
