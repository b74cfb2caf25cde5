// A gzip body inflated as it comes, up to a limit.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace trinity::net {

class GzipReader {
 public:
  GzipReader();
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  enum class Outcome { more, damaged, too_large };
  /// Appends to `out` what `piece` inflates to; `out` never gets more than `limit` bytes.
  Outcome feed(std::string_view piece, std::string& out, std::size_t limit);
  /// Whether the members that were fed are whole.
  bool complete() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace trinity::net
