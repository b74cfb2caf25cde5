// A bundle on its way to the disk: its folder, its manifest, and what an earlier run left of it.
//
// `export` and `import` differ in where a bundle's tensors come from; this is what they share, and
// what the promise rests on that a bundle is whole or says that it is not. The manifest is saved
// before the work and after every tensor, `complete` comes last, and once something was written
// every failure ends as `failed`. A bundle that is whole when the work begins is never taken back:
// nothing of it is written that would not be the same.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bundle/export_folder.h"
#include "bundle/manifest.h"
#include "route/head_file.h"

namespace trinity {

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
  void keep_if_whole(const HeadMatrix& head);
  bool whole() const { return whole_; }
  /// Saves the manifest of this run with the status "pending" or "partial", unless the bundle is
  /// whole.
  Status begin(const char* status);

  enum class HeadState { kept, rewritten, written };
  /// Writes the head. With `keep` one with the same values stays, and `reason` says why another was
  /// rewritten. Errors: those of write_head_file and save_manifest.
  Result<HeadState> head(const HeadMatrix& head, bool keep, std::string& reason);

  const Manifest& manifest() const { return manifest_; }
  Manifest& manifest() { return manifest_; }
  const ManifestTensor& entry(std::size_t place) const { return manifest_.tensors[place]; }
  std::int64_t completed() const;
  std::int64_t total() const { return static_cast<std::int64_t>(manifest_.tensors.size()); }

  /// Replaces a tensor's entry and saves the manifest. The disk may be behind until `finish`.
  Status set(std::size_t place, ManifestTensor entry);
  /// Says of a tensor, and with it of the bundle, that it failed; false when something had failed
  /// before, which is then what is told.
  bool fail_tensor(std::size_t place, const Error& error);
  /// Says that the bundle failed, once the run has begun to write.
  void fail();
  /// Saves the manifest as complete, or as partial.
  Status finish(bool complete);

 private:
  Status save(Durability durability = Durability::now);

  const std::filesystem::path path_;
  Manifest manifest_;
  std::optional<PreparedFolder> folder_;
  std::optional<Manifest> previous_;
  bool begun_ = false;  // the manifest on disk is of this run
  bool whole_ = false;
};

}  // namespace trinity
