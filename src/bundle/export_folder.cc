#include "bundle/export_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/json_lookup.h"

namespace trinity::bundle {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) { return excerpt(path.string(), 1024); }

constexpr const char* kCheckpointsFolder = "checkpoints";
constexpr const char* kModelConfigFile = "config.json";
/// An earlier manifest while its bundle is being removed: the last file to go, so that the folder
/// is known for a bundle's however far a killed run came.
constexpr const char* kReplacedManifest = "manifest.replaced.json";

tl::unexpected<Error> unreadable(const fs::path& folder, const std::error_code& error) {
  return fail(ErrorKind::failed, "unwritable_file",
              fmt::format("the folder {} cannot be used ({}); check its permissions", shown(folder),
                          error.message()));
}

/// What a folder holds, by name.
Result<std::vector<fs::path>> names_in(const fs::path& folder) {
  std::vector<fs::path> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename());
  if (error) return unreadable(folder, error);
  std::sort(names.begin(), names.end());
  return names;
}

/// Nothing but what a killed run leaves before it has written anything.
Result<bool> holds_nothing(const fs::path& folder) {
  TRINITY_TRY(const std::vector<fs::path> names, names_in(folder));
  for (const fs::path& name : names) {
    std::error_code error;
    if (is_temporary_name(name.string())) continue;
    if (name != kCheckpointsFolder || fs::is_symlink(folder / name, error) ||
        !fs::is_empty(folder / name, error) || error)
      return false;
  }
  return true;
}

/// A manifest by its fields: damaged or unfinished it counts too, as long as it can be read at all.
/// The log's events are the mark where not even that is left.
bool is_bundle_folder(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {kManifestFile, kReplacedManifest}) {
    const auto json = read_json_object(folder / name);
    if (json && find_value(*json, "artifact_version") != nullptr &&
        find_value(*json, "selected_tensors") != nullptr)
      return true;
  }
  return fs::is_regular_file(folder / kExportLogFile, ignored);
}

Status remove_file(const fs::path& path) {
  std::error_code failed;
  fs::remove(path, failed);
  if (!failed) return {};
  return fail(ErrorKind::failed, "unwritable_file",
              fmt::format("{} cannot be removed ({}); check its permissions", shown(path),
                          failed.message()));
}

/// Removes the files below checkpoints/ that a bundle has there.
Status remove_checkpoints(const fs::path& folder, std::vector<std::string>& foreign) {
  TRINITY_TRY(const std::vector<fs::path> names, names_in(folder));
  for (const fs::path& name : names) {
    std::error_code failed;
    const bool ours = is_bundle_file(kCheckpointsFolder / name);
    if (ours) fs::remove(folder / name, failed);
    if (!ours || failed) foreign.push_back((kCheckpointsFolder / name).string());
  }
  return {};
}

/// Removes an earlier bundle's files. What this program did not write stays and is named.
Status remove_bundle(const fs::path& folder, std::vector<std::string>& foreign) {
  // First of all: without its manifest, what a kill leaves of the rest is no complete bundle.
  std::error_code error;
  fs::rename(folder / kManifestFile, folder / kReplacedManifest, error);
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("{} cannot be removed ({}); check its permissions",
                            shown(folder / kManifestFile), error.message()));
  TRINITY_TRY(const std::vector<fs::path> names, names_in(folder));
  for (const fs::path& name : names) {
    std::error_code failed;
    if (name == kReplacedManifest) continue;
    if (name == kCheckpointsFolder && fs::is_directory(folder / name, failed) &&
        !fs::is_symlink(folder / name, failed)) {
      TRINITY_CHECK(remove_checkpoints(folder / name, foreign));
    } else if (is_bundle_file(name)) {
      TRINITY_CHECK(remove_file(folder / name));
    } else if (name != kCheckpointsFolder) {
      foreign.push_back(name.string());
    }
  }
  return remove_file(folder / kReplacedManifest);
}

/// Whether a folder that holds something may be continued or replaced.
Status require_usable(const fs::path& folder, bool resume, bool force) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(folder / kModelConfigFile, ignored)))
    return fail(ErrorKind::usage, "output_is_a_model",
                fmt::format("{} is a model's folder (it holds a {}); choose another --out",
                            shown(folder), kModelConfigFile));
  const bool bundle = is_bundle_folder(folder);
  if (!resume && !force)
    return fail(ErrorKind::usage, "output_dir_already_exists_without_resume",
                fmt::format("Output directory exists: {}; {}", shown(folder),
                            bundle ? "continue it with --resume or replace it with --force"
                                   : "it holds no bundle, so choose another --out"));
  if (force && !bundle)
    return fail(ErrorKind::usage, "output_is_no_bundle",
                fmt::format("{} holds files but no bundle, and --force replaces bundles only; "
                            "choose another --out",
                            shown(folder)));
  if (!force && (!bundle || !fs::exists(folder / kManifestFile, ignored)))
    return fail(ErrorKind::missing, "missing_manifest_for_resume",
                fmt::format("{} holds no manifest.json to resume from; {}", shown(folder),
                            bundle ? "start over with --force" : "choose another --out"));
  return {};
}

Status create_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder / kCheckpointsFolder, error);
  if (error)
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("the folder {} cannot be created ({})", shown(folder / "checkpoints"),
                            error.message()));
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

bool is_bundle_file(const fs::path& name) {
  const std::string text = name.string();
  if (!name.has_parent_path())
    return text == kManifestFile || text == kReplacedManifest || text == kHeadFile ||
           text == kMergedFile || text == kExportLogFile || text == kJournalFile ||
           is_temporary_name(text);
  const std::string file = name.filename().string();
  return name.parent_path() == kCheckpointsFolder &&
         (file.find(".safetensors") != std::string::npos || is_temporary_name(file));
}

Result<PreparedFolder> prepare_export_folder(const fs::path& folder, bool resume, bool force) {
  std::error_code error;
  const bool exists = fs::exists(fs::symlink_status(folder, error));
  if (exists && !fs::is_directory(folder, error))
    return fail(ErrorKind::usage, "not_a_directory",
                fmt::format("{} is not a directory; choose another --out", shown(folder)));
  if (!exists) TRINITY_CHECK(create_folders(folder));
  TRINITY_TRY(FolderLock lock, FolderLock::acquire(folder));
  // From here on nobody else changes it.
  TRINITY_TRY(const bool empty, holds_nothing(folder));
  PreparedFolder prepared{FolderState::fresh, std::move(lock), {}};
  if (!empty) {
    TRINITY_CHECK(require_usable(folder, resume, force));
    remove_leftovers(folder);
    remove_leftovers(folder / kCheckpointsFolder);
    if (force)
      TRINITY_CHECK(remove_bundle(folder, prepared.foreign_files));
    else
      prepared.state = FolderState::resumed;
  }
  TRINITY_CHECK(create_folders(folder));
  // A folder that is a link would let the tensors land elsewhere.
  TRINITY_CHECK(resolve_inside(folder, "checkpoints/tensor"));
  return prepared;
}

}  // namespace trinity::bundle
