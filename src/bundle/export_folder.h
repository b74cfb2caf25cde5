// The folder that an export writes to: whether it may be used, and that only one process works in
// it.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "bundle/manifest.h"

namespace trinity::bundle {

/// Holds a lock on the folder while it lives. The lock dies with the process.
class FolderLock {
 public:
  /// Error `output_busy`.
  static Result<FolderLock> acquire(const std::filesystem::path& folder);

 private:
  explicit FolderLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

enum class FolderState {
  fresh,    // new or empty: nothing to keep
  resumed,  // holds the manifest of an earlier run
};

struct PreparedFolder {
  FolderState state = FolderState::fresh;
  FolderLock lock;
  std::vector<std::string> foreign_files;  // left alone by force
};

/// Creates the folder and checkpoints/ inside, or takes what is there: with `force` the files of an
/// earlier bundle are removed (others stay), with `resume` they are kept. A folder that no export
/// or import made its own is never taken, whatever is asked, and nor is a model's. Errors:
/// `output_is_a_model`, `output_is_no_bundle`, `output_dir_already_exists_without_resume`,
/// `missing_manifest_for_resume`, `not_a_directory`, `unwritable_file`, `output_busy`.
Result<PreparedFolder> prepare_export_folder(const std::filesystem::path& folder, bool resume,
                                             bool force);

/// Whether a file of a bundle has this path from the bundle's folder.
bool is_bundle_file(const std::filesystem::path& name);

}  // namespace trinity::bundle
