#include "flags/records.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/utf8.h"

namespace trinity::flags {

wire::Record<RouterQuery> prompt_record(const std::string& prompt) {
  if (prompt.empty())
    return {wire::RecordOrigin(),
            fail(ErrorKind::invalid_input, "empty_transcript",
                 "the prompt is empty; give a text, or records on standard input")};
  return {wire::RecordOrigin(), RouterQuery(prompt)};
}

Result<std::vector<std::int32_t>> parse_id_list(std::string_view text) {
  std::vector<std::int32_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto is_separator = [](char c) { return c == ' ' || c == ',' || c == '\t' || c == '\n'; };
  while (true) {
    while (at != end && is_separator(*at)) ++at;
    if (at == end) return ids;
    std::int32_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (next != end && !is_separator(*next)))
      return fail(ErrorKind::usage, "invalid_ids",
                  fmt::format("\"{}\" is not a list of token ids; write for example 872,25,659",
                              excerpt(text)));
    ids.push_back(id);
    at = next;
  }
}

}  // namespace trinity::flags
