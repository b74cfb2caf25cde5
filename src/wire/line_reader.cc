#include "wire/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::wire {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;

tl::unexpected<Error> unreadable(const std::string& name, int error_number) {
  return fail(ErrorKind::missing, "unreadable_file",
              fmt::format("{} cannot be read ({}); give --input a readable file or -", name,
                          std::strerror(error_number)));
}

}  // namespace

bool is_blank(const Line& line) {
  return !line.too_long && line.text.find_first_not_of(" \t\r") == std::string::npos;
}

Result<LineReader> LineReader::open(const std::string& path, const LineLimits& limits) {
  if (path == "-") return LineReader(::dup(STDIN_FILENO), "standard input", limits);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(ErrorKind::missing, "missing_file",
                  fmt::format("there is no input file {}; check the path", path));
    return unreadable(path, errno);
  }
  LineReader reader(descriptor, path, limits);
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    return unreadable(path, EISDIR);
  }
  return reader;
}

LineReader LineReader::over(std::string_view text, std::string name) {
  LineReader reader(-1, std::move(name), {});
  reader.buffer_ = text;
  reader.at_end_ = true;
  return reader;
}

LineReader::LineReader(LineReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      limits_(other.limits_),
      buffer_(std::move(other.buffer_)),
      position_(other.position_),
      number_(other.number_),
      at_end_(other.at_end_) {}

LineReader::~LineReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status LineReader::fill() {
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
  return {};
}

/// UTF-16 and UTF-32 put NUL bytes between the letters of JSON, and mark their byte order in front.
/// Neither can stand at the start of a record in UTF-8.
Status LineReader::check_start() const {
  const std::string_view start = std::string_view(buffer_).substr(position_, 4);
  const bool marked = start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF");
  const std::size_t nuls = static_cast<std::size_t>(std::count(start.begin(), start.end(), '\0'));
  if (!marked && nuls < 2) return {};
  if (nuls == start.size())
    return fail(ErrorKind::invalid_input, "unsupported_encoding",
                fmt::format("{} begins with NUL bytes, so it is no text; give JSON lines in UTF-8",
                            excerpt(name_)));
  const bool wide = start.find(std::string_view("\0\0", 2)) != std::string_view::npos;
  return fail(ErrorKind::invalid_input, "unsupported_encoding",
              fmt::format("{} is encoded in {}; save it as UTF-8", excerpt(name_),
                          wide ? "UTF-32" : "UTF-16"));
}

/// Takes a line of `length` bytes and forgets `consumed` ones.
Line LineReader::cut(std::size_t length, std::size_t consumed) {
  std::string_view text = std::string_view(buffer_).substr(position_, length);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.ends_with('\r')) text.remove_suffix(1);
  Line line{std::string(text), ++number_, false};
  position_ += consumed;
  return line;
}

Result<std::optional<Line>> LineReader::next() {
  std::size_t searched = 0;  // bytes after position_ that hold no line feed
  std::size_t skipped = 0;   // bytes of a line too long that were forgotten
  while (true) {
    const std::size_t feed = buffer_.find('\n', position_ + searched);
    const bool ended = feed != std::string::npos;
    const std::size_t length = (ended ? feed : buffer_.size()) - position_;
    if (number_ == 0 && skipped == 0 && (ended || at_end_ || length >= 4))
      TRINITY_CHECK(check_start());
    if (ended || (at_end_ && length + skipped > 0)) {
      const bool too_long = skipped > 0 || length > limits_.line;
      Line line = cut(too_long ? 0 : length, length + (ended ? 1 : 0));
      line.too_long = too_long;
      return std::optional<Line>(std::move(line));
    }
    if (at_end_) return std::optional<Line>();
    searched = length;
    if (searched > limits_.line) {  // forget what was read and go on to its end
      skipped += searched;
      position_ = buffer_.size();
      searched = 0;
    }
    if (skipped > limits_.endless)
      return fail(ErrorKind::invalid_input, "line_too_long",
                  fmt::format("line {} of {} does not end within {} bytes; give one JSON record a "
                              "line",
                              number_ + 1, excerpt(name_), limits_.endless));
    TRINITY_CHECK(fill());
  }
}

}  // namespace trinity::wire
