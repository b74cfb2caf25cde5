#include "hub/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace trinity::hub {

Result<FileLock> FileLock::acquire(const std::filesystem::path& path,
                                   std::chrono::milliseconds patience,
                                   const std::stop_token& stop) {
  using namespace std::chrono_literals;
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!descriptor.is_open())
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("the file {} cannot be written ({}); check the cache folder, or choose "
                            "another --cache",
                            path.string(), std::strerror(errno)));
  FileLock lock(std::move(descriptor));
  const auto end = std::chrono::steady_clock::now() + patience;
  while (::flock(lock.descriptor_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return lock;
    if (stop.stop_requested())
      return fail(ErrorKind::failed, "cancelled", "the download was stopped");
    if (std::chrono::steady_clock::now() >= end)
      return fail(
          ErrorKind::failed, "file_busy",
          fmt::format("another program has held {} for {} s; wait for it or end it", path.string(),
                      std::chrono::duration_cast<std::chrono::seconds>(patience).count()));
    std::this_thread::sleep_for(20ms);
  }
  return lock;
}

}  // namespace trinity::hub
