#include "ledger/resp.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::ledger {
namespace {

constexpr std::size_t kMostLine = 4'096, kMostText = 1 << 20, kMostElements = 1'024;
constexpr int kMostDepth = 4;

tl::unexpected<Error> invalid(const char* what, std::string_view bytes) {
  return fail(ErrorKind::failed, "invalid_reply",
              fmt::format("the server answered with {} (\"{}\"); check that it is a Redis", what,
                          excerpt(bytes, 40)));
}

/// The line at the front, without its end; nothing when it is not complete.
Result<std::optional<std::string_view>> take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > kMostLine + 1) return invalid("an endless line", bytes);
    return std::optional<std::string_view>();
  }
  if (end > kMostLine) return invalid("an overlong line", bytes);
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  return std::optional(line);
}

Result<std::int64_t> integer_of(std::string_view line) {
  std::int64_t value = 0;
  const char* const end = line.data() + line.size();
  const auto [stopped, error] = std::from_chars(line.data(), end, value);
  if (error != std::errc{} || stopped != end || line.empty())
    return invalid("no number where one must stand", line);
  return value;
}

Result<std::optional<RespReply>> take(std::string_view& bytes, int depth) {
  TRINITY_TRY(const std::optional<std::string_view> line, take_line(bytes));
  if (!line) return std::optional<RespReply>();
  if (line->empty()) return invalid("an empty line", *line);
  const std::string_view rest = line->substr(1);
  RespReply reply;
  switch (line->front()) {
    case '+':
    case '-':
      reply.type = line->front() == '+' ? RespReply::Type::text : RespReply::Type::error;
      reply.text = rest;
      return std::optional(std::move(reply));
    case ':': {
      reply.type = RespReply::Type::integer;
      TRINITY_TRY(reply.integer, integer_of(rest));
      return std::optional(std::move(reply));
    }
    case '$': {
      TRINITY_TRY(const std::int64_t size, integer_of(rest));
      if (size == -1) return std::optional(std::move(reply));
      if (size < 0 || static_cast<std::size_t>(size) > kMostText)
        return invalid("a text of an impossible size", *line);
      const auto length = static_cast<std::size_t>(size);
      if (bytes.size() < length + 2) return std::optional<RespReply>();
      if (bytes.substr(length, 2) != "\r\n") return invalid("a text without an end", bytes);
      reply.type = RespReply::Type::text;
      reply.text = bytes.substr(0, length);
      bytes.remove_prefix(length + 2);
      return std::optional(std::move(reply));
    }
    case '*': {
      TRINITY_TRY(const std::int64_t size, integer_of(rest));
      if (size == -1) return std::optional(std::move(reply));
      if (size < 0 || static_cast<std::size_t>(size) > kMostElements || depth == kMostDepth)
        return invalid("a list of an impossible size or depth", *line);
      reply.type = RespReply::Type::list;
      for (std::int64_t i = 0; i < size; ++i) {
        TRINITY_TRY(std::optional<RespReply> element, take(bytes, depth + 1));
        if (!element) return std::optional<RespReply>();
        reply.elements.push_back(std::move(*element));
      }
      return std::optional(std::move(reply));
    }
    default:
      return invalid("an unknown kind of reply", *line);
  }
}

}  // namespace

void append_resp_command(std::string& out, std::span<const std::string> words) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", words.size());
  for (const std::string& word : words)
    fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", word.size(), word);
}

Result<std::optional<RespReply>> take_resp_reply(std::string_view& bytes) {
  std::string_view rest = bytes;
  TRINITY_TRY(std::optional<RespReply> reply, take(rest, 0));
  if (reply) bytes = rest;
  return reply;
}

}  // namespace trinity::ledger
