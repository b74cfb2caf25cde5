#include "wire/records.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "wire/json_outline.h"
#include "wire/json_slice.h"
#include "wire/json_writer.h"
#include "wire/messages.h"

namespace trinity::wire {
namespace {

using Kind = JsonSlice::Kind;

/// Says more about a text that is not JSON: prose shows that the reader expected something else,
/// and JSON that was to go on over the next lines (wire/record_reader.h) did not.
Status explained(Status status, const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (status || status.error().tag != "invalid_json" || begin == std::string::npos) return status;
  if (text[begin] != '{' && text[begin] != '[')
    return fail(
        ErrorKind::invalid_input, "invalid_json",
        fmt::format("this is no JSON record but plain text ('{}'); write {{\"text\":\"…\"}} "
                    "or {{\"messages\":[{{\"role\":\"user\",\"content\":\"…\"}}]}}, or give "
                    "the text as an argument in quotes",
                    excerpt(std::string_view(text).substr(begin), 32)));
  JsonOutline outline;
  if (outline.feed(text, 1) && outline.must_go_on())
    return fail(
        ErrorKind::invalid_input, "invalid_json",
        "the JSON that begins here is not completed by the lines behind it; give one record "
        "a line, or the whole of an object or array");
  return status;
}

using Members = std::vector<JsonMember>;

std::optional<JsonSlice> find(const Members& members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

/// The members of a line's object; the id is filled in as soon as it is known.
Result<Members> read_object(const Line& line, RecordOrigin& origin) {
  if (line.too_long)
    return fail(ErrorKind::invalid_input, "line_too_long",
                fmt::format("the line is longer than {} MiB; split the record",
                            LineReader::max_line_bytes >> 20));
  const CheckedJson checked = check_json(line.text);
  Members members;
  if (checked.value && checked.value->is(Kind::object)) members = checked.value->members();
  if (const auto id = find(members, "id")) origin.id = id->text();
  TRINITY_CHECK(explained(checked.status, line.text));
  if (!checked.value->is(Kind::object))
    return fail(ErrorKind::invalid_input, "invalid_record",
                fmt::format("a record must be a JSON object, got {}; give one record a line, as "
                            "{{\"text\":\"…\"}} or {{\"messages\":[…]}}",
                            checked.value->kind_name()));
  return members;
}

Result<std::string> text_of(const JsonSlice& value) {
  if (!value.is(Kind::string))
    return fail(ErrorKind::invalid_input, "invalid_text",
                fmt::format("text must be a string, got {}", value.kind_name()));
  return value.string();
}

Result<std::vector<std::int32_t>> ids_of(const JsonSlice& value) {
  constexpr auto invalid = "ids must be an array of integers that fit 32 bits, got {}";
  if (!value.is(Kind::array))
    return fail(ErrorKind::invalid_input, "invalid_ids", fmt::format(invalid, value.kind_name()));
  std::vector<std::int32_t> ids;
  for (const JsonSlice& item : value.elements()) {
    const std::string_view digits = item.text();
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, ids.emplace_back());
    if (error != std::errc() || at != end)
      return fail(ErrorKind::invalid_input, "invalid_ids", fmt::format(invalid, excerpt(digits)));
  }
  return ids;
}

/// Where other interfaces keep the system prompt: beside the messages, from where it would be lost.
Status refuse_lost_instructions(const Members& record) {
  for (const char* key : {"system", "instructions"}) {
    const auto value = find(record, key);
    if (value && (value->is(Kind::array) || value->is(Kind::object) ||
                  (value->is(Kind::string) && !value->string().empty())))
      return fail(
          ErrorKind::invalid_input, "unsupported_content",
          fmt::format("the record has the key \"{}\" beside its messages, whose value would "
                      "be lost; make it the first message, of the role system",
                      key));
  }
  return {};
}

Result<RouterQuery> query_of(const Members& record) {
  const auto messages = find(record, "messages"), text = find(record, "text"),
             ids = find(record, "ids");
  const int given = int{messages.has_value()} + int{text.has_value()} + int{ids.has_value()};
  if (given != 1)
    return fail(ErrorKind::invalid_input, "invalid_record",
                fmt::format("a record needs exactly one of messages, text and ids, got {}",
                            given == 0 ? "none" : "several"));
  if (messages) {
    TRINITY_CHECK(refuse_lost_instructions(record));
    TRINITY_TRY(std::vector<Message> list, read_messages(*messages));
    return RouterQuery(std::move(list));
  }
  if (text) {
    TRINITY_TRY(std::string raw, text_of(*text));
    return RouterQuery(RawText{std::move(raw)});
  }
  TRINITY_TRY(std::vector<std::int32_t> list, ids_of(*ids));
  return RouterQuery(std::move(list));
}

/// Reads the object of a line and takes its value with `take`.
template <typename T, typename Take>
Record<T> read_record(const Line& line, Take take) {
  RecordOrigin origin{line.number, {}};
  const Result<Members> object = read_object(line, origin);
  if (!object) return {std::move(origin), tl::unexpected<Error>(object.error())};
  Result<T> value = take(*object);
  return {std::move(origin), std::move(value)};
}

template <typename T, typename Take>
Record<T> read_member(const Line& line, const char* key, Take take) {
  return read_record<T>(line, [&](const Members& record) -> Result<T> {
    const auto value = find(record, key);
    if (!value)
      return fail(ErrorKind::invalid_input, "invalid_record",
                  fmt::format("a record needs the key {}", key));
    return take(*value);
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

void append_record_begin(std::string& out, const RecordOrigin& origin) {
  out += '{';
  if (!origin.id.empty()) {
    out += "\"id\":";
    // Line breaks stand between tokens only; an answer is one line.
    for (const char c : origin.id) out += c == '\n' || c == '\r' ? ' ' : c;
    out += ',';
  }
  out += fmt::format("\"schema_version\":{},", kSchemaVersion);
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

}  // namespace trinity::wire
