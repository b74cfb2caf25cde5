// The body of a file on its way into the partial file.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>

#include "hub/fetch.h"
#include "hub/http_client.h"
#include "hub/partial_file.h"
#include "hub/pin.h"

namespace trinity::hub {

/// A size in bytes and whose word it is.
struct StatedSize {
  std::optional<std::uint64_t> bytes;
  bool pinned = false;  // else the hub states it
};

/// `found` bytes instead of the stated ones; `where` names the server.
Error size_mismatch(const std::string& where, const std::string& file, std::uint64_t found,
                    const StatedSize& stated);

/// The total of "bytes 5-9/10" or of "bytes */10"; nothing when none is stated.
std::optional<std::uint64_t> total_of_content_range(const std::string& header);

/// Appends a body to the partial file, from its end or, when the server sends all of it, from the
/// beginning. More bytes than stated are refused as they arrive.
class DownloadSink final : public BodySink {
 public:
  DownloadSink(std::string where, const PinFile& file, PartialFile& partial, StatedSize size,
               FileProgress& progress)
      : where_(std::move(where)),
        file_(file),
        partial_(partial),
        size_(size),
        progress_(progress) {}

  Result<bool> begin(const HttpResponse& response) override;
  Status write(std::span<const std::byte> bytes) override;

  std::optional<std::uint64_t> size() const { return size_.bytes; }
  std::uint64_t written() const { return written_; }
  bool wrong_range() const { return wrong_range_; }

 private:
  std::string where_;
  const PinFile& file_;
  PartialFile& partial_;
  StatedSize size_;
  FileProgress& progress_;
  std::uint64_t written_ = 0;
  bool wrong_range_ = false;
};

}  // namespace trinity::hub
