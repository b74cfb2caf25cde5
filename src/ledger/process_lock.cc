#include "ledger/process_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

namespace trinity::ledger {
namespace {

/// " by process 123", as far as the holder has said so.
std::string holder(int descriptor) {
  char text[24] = {};
  const ssize_t size = ::pread(descriptor, text, sizeof text, 0);
  long id = 0;
  if (size <= 0 || std::from_chars(text, text + size, id).ec != std::errc{} || id <= 0) return {};
  return fmt::format(" by process {}", id);
}

}  // namespace

Result<Descriptor> lock_for_this_process(const std::filesystem::path& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!descriptor.is_open())
    return fail(ErrorKind::failed, "unwritable_ledger",
                fmt::format("the lock file {} cannot be written ({}); let this user write to its "
                            "folder, or choose another place for the ledger",
                            path.string(), std::strerror(errno)));
  int locked = -1;
  do locked = ::flock(descriptor.get(), LOCK_EX | LOCK_NB);
  while (locked != 0 && errno == EINTR);
  if (locked != 0 && errno == EWOULDBLOCK)
    return fail(
        ErrorKind::failed, "ledger_in_use",
        fmt::format("the ledger of {} is in use{}; one process at a time keeps a ledger, so "
                    "end that one or give this one a file of its own",
                    path.string(), holder(descriptor.get())));
  if (locked != 0)
    return fail(
        ErrorKind::failed, "unwritable_ledger",
        fmt::format("the lock file {} cannot be locked ({}); put the ledger on a local disk",
                    path.string(), std::strerror(errno)));
  const std::string id = fmt::format("{}\n", ::getpid());
  // Who it is helps people only; a full disk does not matter here.
  if (::ftruncate(descriptor.get(), 0) == 0 &&
      ::pwrite(descriptor.get(), id.data(), id.size(), 0) < 0) {
  }
  return descriptor;
}

}  // namespace trinity::ledger
