#include "cli/input/records.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "cli/terminal/json_writer.h"

namespace trinity::cli {
namespace {

using Json = nlohmann::json;

/// The object of a line; the id is filled in as soon as it is known.
Result<Json> read_object(const Line& line, RecordOrigin& origin) {
  if (line.too_long)
    return fail(ErrorKind::invalid_input, "line_too_long",
                fmt::format("the line is longer than {} MiB; split the record",
                            LineReader::max_line_bytes >> 20));
  TRINITY_TRY(Json object, parse_json(line.text));
  if (!object.is_object())
    return fail(ErrorKind::invalid_input, "invalid_record",
                fmt::format("a record must be a JSON object, got {}", object.type_name()));
  if (const auto id = object.find("id"); id != object.end()) origin.id = json_text(*id);
  return object;
}

Result<std::string> text_of(Json& value) {
  if (!value.is_string())
    return fail(ErrorKind::invalid_input, "invalid_text",
                fmt::format("text must be a string, got {}", value.type_name()));
  return std::move(value.get_ref<std::string&>());
}

Result<std::vector<std::int32_t>> ids_of(const Json& value) {
  constexpr auto invalid = "ids must be an array of integers that fit 32 bits, got {}";
  if (!value.is_array())
    return fail(ErrorKind::invalid_input, "invalid_ids", fmt::format(invalid, value.type_name()));
  std::vector<std::int32_t> ids;
  ids.reserve(value.size());
  for (const Json& item : value) {
    const bool fits =
        item.is_number_unsigned()
            ? item.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int32_t>::max()}
            : item.is_number_integer() &&
                  item.get<std::int64_t>() >= std::numeric_limits<std::int32_t>::min();
    if (!fits)
      return fail(ErrorKind::invalid_input, "invalid_ids",
                  fmt::format(invalid, excerpt(json_text(item))));
    ids.push_back(item.get<std::int32_t>());
  }
  return ids;
}

Result<std::vector<Message>> messages_of(Json& value) {
  if (!value.is_array())
    return fail(ErrorKind::invalid_input, "invalid_messages",
                fmt::format("messages must be an array of {{\"role\",\"content\"}} objects, got {}",
                            value.type_name()));
  std::vector<Message> messages;
  messages.reserve(value.size());
  for (Json& entry : value) {
    const auto is_text = [&](const char* key) {
      return entry.is_object() && entry.contains(key) && entry[key].is_string();
    };
    if (!is_text("role") || !is_text("content"))
      return fail(ErrorKind::invalid_input, "invalid_messages",
                  fmt::format("invalid message entry: {} needs the strings role and content",
                              excerpt(json_text(entry))));
    messages.push_back({std::move(entry["role"].get_ref<std::string&>()),
                        std::move(entry["content"].get_ref<std::string&>())});
  }
  return messages;
}

Result<RouterQuery> query_of(Json& object) {
  const std::size_t given = object.count("messages") + object.count("text") + object.count("ids");
  if (given != 1)
    return fail(ErrorKind::invalid_input, "invalid_record",
                fmt::format("a record needs exactly one of messages, text and ids, got {}",
                            given == 0 ? "none" : "several"));
  if (object.contains("messages")) return messages_of(object["messages"]);
  if (object.contains("text")) return text_of(object["text"]);
  return ids_of(object["ids"]);
}

/// Reads the object of a line and takes its value with `take`.
template <typename T, typename Take>
Record<T> read_record(const Line& line, Take take) {
  RecordOrigin origin{line.number, {}};
  Result<Json> object = read_object(line, origin);
  if (!object) return {std::move(origin), tl::unexpected<Error>(std::move(object.error()))};
  Result<T> value = take(*object);
  return {std::move(origin), std::move(value)};
}

template <typename T, typename Take>
Record<T> read_member(const Line& line, const char* key, Take take) {
  return read_record<T>(line, [&](Json& object) -> Result<T> {
    if (!object.contains(key))
      return fail(ErrorKind::invalid_input, "invalid_record",
                  fmt::format("a record needs the key {}", key));
    return take(object[key]);
  });
}

}  // namespace

Record<RouterQuery> read_query(const Line& line) {
  return read_record<RouterQuery>(line, query_of);
}

std::vector<Record<RouterQuery>> read_queries(std::span<const Line> lines) {
  std::vector<Record<RouterQuery>> records;
  records.reserve(lines.size());
  for (const Line& line : lines) records.push_back(read_query(line));
  return records;
}

Record<std::string> read_text(const Line& line) {
  return read_member<std::string>(line, "text", text_of);
}

Record<std::vector<std::int32_t>> read_ids(const Line& line) {
  return read_member<std::vector<std::int32_t>>(line, "ids", ids_of);
}

Record<RouterQuery> prompt_record(const std::string& prompt) {
  if (prompt.empty())
    return {RecordOrigin(), fail(ErrorKind::invalid_input, "empty_transcript",
                                 "the prompt is empty; give a text, or records on standard input")};
  std::vector<Message> messages;
  messages.push_back({"user", prompt});
  return {RecordOrigin(), RouterQuery(std::move(messages))};
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

void append_record_begin(std::string& out, const RecordOrigin& origin) {
  out += '{';
  if (!origin.id.empty()) out.append("\"id\":").append(origin.id).append(",");
}

void append_record_error(std::string& out, const RecordOrigin& origin, const Error& error) {
  append_record_begin(out, origin);
  out += "\"error\":{\"tag\":";
  append_json_string(out, error.tag);
  out += ",\"message\":";
  append_json_string(out, located_message(origin, error));
  if (origin.line > 0) out += fmt::format(",\"line\":{}", origin.line);
  out += "}}\n";
}

std::string located_message(const RecordOrigin& origin, const Error& error) {
  if (origin.line == 0) return error.message;
  return fmt::format("line {}: {}", origin.line, error.message);
}

}  // namespace trinity::cli
