#include "base/output_place.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>

#include "base/try.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel follows

tl::unexpected<Error> unwritable(const fs::path& named, const std::string& reason) {
  return fail(ErrorKind::failed, "unwritable_file",
              "the file " + named.string() + " cannot be written (" + reason +
                  "); check the folder and its permissions");
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// The number of the descriptor of this process that the name is: /dev/fd/N, /proc/self/fd/N.
int own_descriptor(const fs::path& path) {
  const std::string name = path.filename().string();
  int number = -1;
  const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (wrong != std::errc() || end != name.data() + name.size() || number < 0) return -1;
  std::error_code error;
  const fs::path folder = fs::canonical(folder_of(path), error);
  if (error || folder != fs::canonical("/proc/self/fd", error) || error) return -1;
  return number;
}

/// A descriptor takes bytes when it was opened for it.
Status require_writable(const fs::path& named, int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0) return unwritable(named, std::strerror(errno));
  if ((flags & O_ACCMODE) == O_RDONLY) return unwritable(named, "it is open for reading only");
  return {};
}

/// Read-only is read-only, whoever asks: root and the folder's owner could replace it all the same.
Status require_replaceable(const OutputPlace& place) {
  if (!place.replaced || !S_ISREG(place.replaced->st_mode)) return {};
  constexpr mode_t anybody = S_IWUSR | S_IWGRP | S_IWOTH;
  if ((place.replaced->st_mode & anybody) != 0 && ::access(place.path.c_str(), W_OK) == 0)
    return {};
  return fail(ErrorKind::failed, "read_only_file",
              "the file " + place.named.string() +
                  " is read-only and stays as it is; choose another name, or make it writable "
                  "(chmod u+w)");
}

Status require_folder(const OutputPlace& place) {
  const fs::path folder = folder_of(place.path);
  struct stat status {};
  if (::stat(folder.c_str(), &status) == 0)
    return S_ISDIR(status.st_mode) ? Status() : unwritable(place.named, std::strerror(ENOTDIR));
  if (errno != ENOENT) return unwritable(place.named, std::strerror(errno));
  return fail(ErrorKind::missing, "missing_folder",
              "the folder " + folder.string() + " of " + place.named.filename().string() +
                  " does not exist; make it first (mkdir -p)");
}

/// Steps over links until something else, or nothing, stands at `place.path`.
Status follow_links(OutputPlace& place) {
  for (int links = 0; links <= kMostLinks; ++links) {
    place.descriptor = own_descriptor(place.path);
    if (place.descriptor >= 0) {
      place.stream = true;
      return {};
    }
    struct stat status {};
    if (::lstat(place.path.c_str(), &status) != 0)
      return errno == ENOENT ? Status() : unwritable(place.named, std::strerror(errno));
    if (!S_ISLNK(status.st_mode)) {
      place.replaced = status;
      return {};
    }
    std::error_code error;
    const fs::path target = fs::read_symlink(place.path, error);
    if (error) return unwritable(place.named, error.message());
    place.path = target.is_absolute() ? target : folder_of(place.path) / target;
  }
  return unwritable(place.named, std::strerror(ELOOP));
}

/// What the name leads to with everything that exists of it resolved.
fs::path resolved(const fs::path& named) {
  OutputPlace place{named, named, {}, false, -1};
  if (!follow_links(place) || place.stream) return named;
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(folder_of(place.path), error);
  return (error ? folder_of(place.path) : folder) / place.path.filename();
}

}  // namespace

Result<OutputPlace> find_output_place(const fs::path& named, Replace replace) {
  OutputPlace place{named, named, {}, false, -1};
  if (!named.has_filename() || named.filename() == "." || named.filename() == "..")
    return unwritable(named, std::strerror(EISDIR));
  if (replace == Replace::target) {
    TRINITY_CHECK(follow_links(place));
  } else if (struct stat status{}; ::lstat(named.c_str(), &status) == 0) {
    place.replaced = status;
  } else if (errno != ENOENT) {
    return unwritable(named, std::strerror(errno));
  }
  if (place.stream) {
    TRINITY_CHECK(require_writable(named, place.descriptor));
    return place;
  }
  TRINITY_CHECK(require_folder(place));
  if (!place.replaced || S_ISREG(place.replaced->st_mode) || S_ISLNK(place.replaced->st_mode)) {
    TRINITY_CHECK(require_replaceable(place));
    return place;
  }
  if (S_ISDIR(place.replaced->st_mode)) return unwritable(named, std::strerror(EISDIR));
  if (replace == Replace::name) return unwritable(named, "it is a pipe or device");
  if (::access(place.path.c_str(), W_OK) != 0) return unwritable(named, std::strerror(errno));
  place.replaced.reset();
  place.stream = true;
  return place;
}

Status probe_output(const fs::path& named) {
  TRINITY_TRY(const OutputPlace place, find_output_place(named));
  if (place.stream) return {};
  TRINITY_TRY(const AtomicFile probe, AtomicFile::create(named, Replace::target));
  return {};
}

bool same_place(const fs::path& one, const fs::path& other) {
  struct stat a {};
  struct stat b {};
  const bool a_is = ::stat(one.c_str(), &a) == 0;
  const bool b_is = ::stat(other.c_str(), &b) == 0;
  if (a_is != b_is) return false;
  if (!a_is) return resolved(one) == resolved(other);
  return (S_ISREG(a.st_mode) || S_ISDIR(a.st_mode)) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace trinity
