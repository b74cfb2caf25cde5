#include "cli/input/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/try.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;

tl::unexpected<Error> unreadable(const std::string& name, int error_number) {
  return fail(ErrorKind::missing, "unreadable_file",
              fmt::format("{} cannot be read ({}); give --input a readable file or -", name,
                          std::strerror(error_number)));
}

}  // namespace

Result<LineReader> LineReader::open(const std::string& path) {
  if (path == "-") return LineReader(::dup(STDIN_FILENO), "standard input");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(ErrorKind::missing, "missing_file",
                  fmt::format("there is no input file {}; check the path", path));
    return unreadable(path, errno);
  }
  LineReader reader(descriptor, path);
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    return unreadable(path, EISDIR);
  }
  return reader;
}

LineReader::LineReader(LineReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      position_(other.position_),
      number_(other.number_),
      at_end_(other.at_end_) {}

LineReader::~LineReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<bool> LineReader::fill() {
  if (at_end_) return false;
  buffer_.erase(0, position_);
  position_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + kChunk);
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer_.data() + kept, kChunk);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(kept + (count > 0 ? static_cast<std::size_t>(count) : 0));
  if (count < 0) return unreadable(name_, errno);
  at_end_ = count == 0;
  return !at_end_;
}

Result<std::optional<Line>> LineReader::next() {
  Line line;
  std::size_t searched = 0;  // bytes after position_ that hold no line feed
  while (true) {
    const std::size_t feed = buffer_.find('\n', position_ + searched);
    if (feed != std::string::npos) {
      line.text = buffer_.substr(position_, feed - position_);
      position_ = feed + 1;
      break;
    }
    searched = buffer_.size() - position_;
    if (searched > max_line_bytes) {  // forget what was read and go on to its end
      line.too_long = true;
      position_ = buffer_.size();
      searched = 0;
    }
    TRINITY_TRY(const bool more, fill());
    if (more) continue;
    if (searched == 0 && !line.too_long) return std::optional<Line>();
    line.text = buffer_.substr(position_);
    position_ = buffer_.size();
    break;
  }
  line.number = ++number_;
  line.too_long = line.too_long || line.text.size() > max_line_bytes;
  if (line.too_long) line.text.clear();
  if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
  return std::optional<Line>(std::move(line));
}

}  // namespace trinity::cli
