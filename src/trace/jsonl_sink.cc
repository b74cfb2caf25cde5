#include "trace/jsonl_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::trace {
namespace {

namespace fs = std::filesystem;

std::string named(const fs::path& path) { return "'" + excerpt(path.string()) + "'"; }

fs::path rotated(const fs::path& path, int number) {
  fs::path out = path;
  out += "." + std::to_string(number);
  return out;
}

/// Whether the name still means the file that is open.
bool is_current(const fs::path& path, const struct stat& open) {
  struct stat now {};
  return ::stat(path.c_str(), &now) == 0 && now.st_dev == open.st_dev && now.st_ino == open.st_ino;
}

bool ends_within_line(int descriptor, off_t size) {
  char last = '\n';
  return size > 0 && ::pread(descriptor, &last, 1, size - 1) == 1 && last != '\n';
}

/// Held until destruction; a file system without locks does without.
class FileLock {
 public:
  explicit FileLock(int descriptor) : descriptor_(descriptor) { ::flock(descriptor_, LOCK_EX); }
  ~FileLock() { ::flock(descriptor_, LOCK_UN); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace

Result<std::shared_ptr<JsonlSink>> JsonlSink::open(JsonlOptions options) {
  if (options.path.empty() || options.kept_files < 0)
    return fail(ErrorKind::usage, "invalid_trace_sink",
                "a trace file needs a path and a number of kept files that is not negative");
  std::shared_ptr<JsonlSink> sink(new JsonlSink(std::move(options)));
  TRINITY_CHECK(sink->open_file());
  return sink;
}

Status JsonlSink::open_file() {
  const char* const path = options_.path.c_str();
  // Readable too, to see whether the last line is whole; a pipe without a reader is refused.
  constexpr int kFlags = O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  descriptor_ = Descriptor(::open(path, kFlags | O_RDWR, 0600));
  if (!descriptor_.is_open()) descriptor_ = Descriptor(::open(path, kFlags | O_WRONLY, 0600));
  if (!descriptor_.is_open())
    return fail(errno == ENOENT ? ErrorKind::missing : ErrorKind::failed, "trace_open_failed",
                "the trace " + named(options_.path) + " cannot be opened (" + std::strerror(errno) +
                    "); name a file that this user may write");
  struct stat facts {};
  regular_ = ::fstat(descriptor_.get(), &facts) == 0 && S_ISREG(facts.st_mode);
  torn_ = regular_ && ends_within_line(descriptor_.get(), facts.st_size);
  return {};
}

void JsonlSink::rotate() {
  std::error_code ignored;
  if (options_.kept_files == 0) {
    fs::remove(options_.path, ignored);
    return;
  }
  for (int number = options_.kept_files - 1; number >= 1; --number)
    fs::rename(rotated(options_.path, number), rotated(options_.path, number + 1), ignored);
  fs::rename(options_.path, rotated(options_.path, 1), ignored);
}

Status JsonlSink::make_room(std::size_t line_bytes) {
  if (!descriptor_.is_open()) return open_file();
  if (!regular_) return {};
  struct stat facts {};
  if (::fstat(descriptor_.get(), &facts) != 0) return {};
  if (!is_current(options_.path, facts)) return open_file();  // rotated or removed by somebody else
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (options_.max_bytes == 0 || size == 0 || size + line_bytes <= options_.max_bytes) return {};
  {
    const FileLock lock(descriptor_.get());
    if (is_current(options_.path, facts)) rotate();
  }
  return open_file();
}

Status JsonlSink::write(const Json& event) {
  std::string line = json_text(event) + "\n";
  const std::lock_guard lock(mutex_);
  TRINITY_CHECK(make_room(line.size()));
  if (torn_) line.insert(line.begin(), '\n');
  ssize_t count = -1;
  do {
    count = ::write(descriptor_.get(), line.data(), line.size());
  } while (count < 0 && errno == EINTR);
  if (count == static_cast<ssize_t>(line.size())) {
    torn_ = false;
    return {};
  }
  const std::string reason = count < 0 ? std::strerror(errno) : "only a part of a line fitted";
  torn_ = torn_ || count > 0;
  return fail(ErrorKind::failed, "trace_write_failed",
              "an event could not be written to the trace " + named(options_.path) + " (" + reason +
                  "); make room, or trace to another file");
}

std::vector<fs::path> trace_files(const fs::path& path) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (int number = 1; fs::exists(rotated(path, number), ignored); ++number)
    files.push_back(rotated(path, number));
  std::reverse(files.begin(), files.end());
  files.push_back(path);
  return files;
}

}  // namespace trinity::trace
