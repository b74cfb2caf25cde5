// Events as lines of a file, with rotation by size.
//
// Each line is appended by one write, so that several runs, threads and processes may share a file.
// Before a line would make the file larger than its limit, the file is renamed to FILE.1, FILE.1 to
// FILE.2 and so on; the oldest goes. A lock on the file makes one process rotate at a time, and the
// others notice by its inode that the name means a new file.
//
// A disk that is full, or a limit on the size of files, gives an error and may leave a part of a
// line; the next line then begins on a line of its own, and readers report the torn one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>

#include "base/descriptor.h"
#include "trace/trace.h"

namespace trinity::trace {

struct JsonlOptions {
  std::filesystem::path path;
  std::uint64_t max_bytes = std::uint64_t{64} << 20;  // of one file; 0: no rotation
  int kept_files = 5;  // rotated ones; 0: what is full is emptied by removing it
};

class JsonlSink : public Sink {
 public:
  /// Opens or creates the file. A pipe or device is written to and never rotated. Errors:
  /// `invalid_trace_sink` (no path, a negative number of files), `trace_open_failed`.
  static Result<std::shared_ptr<JsonlSink>> open(JsonlOptions options);

  /// Error: `trace_write_failed`; a later write may succeed again. Also `trace_open_failed` after a
  /// rotation.
  Status write(const Json& event) override;

 private:
  explicit JsonlSink(JsonlOptions options) : options_(std::move(options)) {}
  Status open_file();
  Status make_room(std::size_t line_bytes);
  void rotate();

  std::mutex mutex_;
  JsonlOptions options_;
  Descriptor descriptor_;
  bool regular_ = false;
  bool torn_ = false;  // the file ends within a line
};

/// The files that a sink of this path has left, oldest first, the path itself last.
std::vector<std::filesystem::path> trace_files(const std::filesystem::path& path);

}  // namespace trinity::trace
