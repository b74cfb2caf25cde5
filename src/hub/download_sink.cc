#include "hub/download_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::hub {
namespace {

constexpr std::uint64_t kMaxUnknownBytes = std::uint64_t{1} << 40;  // of a file of unstated size

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size())
    return std::nullopt;
  return value;
}

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};

/// "bytes 5-9/10" or "bytes 5-9/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto number = [&](char end) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (end != '\0') {
      if (!text.starts_with(end)) return std::nullopt;
      text.remove_prefix(1);
    }
    return value;
  };
  ContentRange range;
  const auto first = number('-');
  const auto last = first ? number('/') : std::nullopt;
  if (!last || *last < *first) return std::nullopt;
  range.first = *first;
  if (text == "*") return range;
  range.total = number('\0');
  if (!range.total || !text.empty() || *last >= *range.total) return std::nullopt;
  return range;
}

}  // namespace

Error size_mismatch(const std::string& where, const std::string& file, std::uint64_t found,
                    const StatedSize& stated) {
  const std::string name = excerpt(file);
  return {ErrorKind::failed, "size_mismatch",
          stated.pinned ? fmt::format("{} has {} bytes at {}, but the pin says {}; it is not used",
                                      name, found, where, stated.bytes.value_or(0))
                        : fmt::format("{} sends {} bytes of {} after it stated {}; it is not used",
                                      where, found, name, stated.bytes.value_or(0))};
}

std::optional<std::uint64_t> total_of_content_range(const std::string& header) {
  constexpr std::string_view whole = "bytes */";
  if (header.starts_with(whole)) return number_of(std::string_view(header).substr(whole.size()));
  const auto range = parse_content_range(header);
  return range ? range->total : std::nullopt;
}

Result<bool> DownloadSink::begin(const HttpResponse& response) {
  if (response.status != 200 && response.status != 206) return false;
  const std::string encoding = response.header("content-encoding");
  if (!encoding.empty() && encoding != "identity")
    return fail(ErrorKind::failed, "hub_refused",
                "the server packs the file (" + excerpt(encoding) +
                    ") although it was asked not to; use another --endpoint");
  std::optional<std::uint64_t> total;
  if (response.status == 206) {
    const auto range = parse_content_range(response.header("content-range"));
    wrong_range_ = !range || range->first != partial_.size();
    if (wrong_range_) return false;
    total = range->total;
  } else {
    if (partial_.size() > 0) TRINITY_CHECK(partial_.clear());
    total = number_of(response.header("content-length"));
  }
  if (total && size_.bytes && *total != *size_.bytes)
    return tl::unexpected(size_mismatch(where_, file_.path, *total, size_));
  if (!size_.bytes) size_.bytes = total;
  if (size_.bytes && *size_.bytes > partial_.size())
    TRINITY_CHECK(partial_.require_space(*size_.bytes - partial_.size()));
  progress_.done = partial_.size();
  if (size_.bytes) progress_.total = *size_.bytes;
  return true;
}

Status DownloadSink::write(std::span<const std::byte> bytes) {
  const std::uint64_t limit = size_.bytes.value_or(kMaxUnknownBytes);
  if (bytes.size() > limit - std::min(limit, partial_.size()))
    return tl::unexpected(
        size_mismatch(where_, file_.path, partial_.size() + bytes.size(), {limit, size_.pinned}));
  TRINITY_CHECK(partial_.append(bytes));
  written_ += bytes.size();
  progress_.done = partial_.size();
  return {};
}

}  // namespace trinity::hub
