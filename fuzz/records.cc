// Any bytes as an input of records: every record is read or refused with a clear error, its id
// comes back as it was given, and what was read can be hashed and written again.
#include "wire/records.h"

#include <cstdint>

#include "base/json.h"
#include "base/utf8.h"
#include "input.h"
#include "wire/record_reader.h"

using trinity::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trinity;
  const std::string text = fuzz::bytes_or_edit(
      data, size,
      R"({"id":1.50,"messages":[{"role":"assistant","content":[{"type":"text","text":"a\ud83d\ude00"}],)"
      R"("tool_calls":[{"function":{"name":"f","arguments":{"a":[1e5,-0]}}}]},)"
      "\n"
      R"({"role":"tool","content":"2"}]})");
  wire::RecordReader reader(wire::LineReader::over(text, "a text"));
  while (true) {
    const Result<std::optional<wire::Line>> line = reader.next();
    if (!line) {
      fuzz::require_clear(line.error());
      break;
    }
    if (!*line) break;
    const wire::Record<RouterQuery> record = wire::read_query(**line);
    require((*line)->text.find(record.origin.id) != std::string::npos,
            "the id is part of the text");
    std::string answer;
    if (record.value) {
      wire::append_record_begin(answer, record.origin);
      answer += "\"x\":0}";
      require(parse_json(answer).has_value(), "the answer is JSON");
      if (const auto* messages = std::get_if<std::vector<Message>>(&record.value->value)) {
        for (const Message& message : *messages) {
          require(is_valid_utf8(message.role) && is_valid_utf8(message.content), "valid UTF-8");
          for (const ToolCall& call : message.tool_calls)
            require(is_valid_utf8(call.name) && is_valid_utf8(call.arguments), "valid UTF-8");
        }
      }
    } else {
      fuzz::require_clear(record.value.error());
      wire::append_record_error(answer, record.origin, record.value.error());
      require(answer.find('\n') == answer.size() - 1, "one line");
    }
  }
  return 0;
}
