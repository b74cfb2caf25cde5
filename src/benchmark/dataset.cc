#include "benchmark/dataset.h"

#include <fmt/format.h>

#include <limits>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "prove/built_in.h"
#include "wire/line_reader.h"
#include "wire/messages.h"

namespace trinity::benchmark {
namespace {

constexpr const char* kBuiltInFile = "tasks.jsonl";
constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

tl::unexpected<Error> wrong_schema(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_record_schema", what);
}

const std::string* text_member(const Json& record, const char* key) {
  return record[key].to_string();
}

Result<std::string> required_text(const Json& record, const char* key) {
  const std::string* text = text_member(record, key);
  if (text == nullptr || text->empty())
    return wrong_schema(fmt::format("\"{}\" must be a text that is not empty", key));
  return *text;
}

Result<std::vector<Message>> messages_of(const wire::JsonSlice& record) {
  const auto list = record.find("messages");
  if (!list || !list->is(wire::JsonSlice::Kind::array) || list->elements().empty())
    return wrong_schema("\"messages\" must be a list of at least one message");
  auto messages = wire::read_messages(*list);
  if (!messages) return wrong_schema(messages.error().message);
  return messages;
}

std::optional<int> read_label(const Json& record, const char* key, std::size_t& ignored) {
  const Json* value = record.find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_number_unsigned() &&
      value->as_uint64() <= std::uint64_t{std::numeric_limits<int>::max()})
    return static_cast<int>(value->as_uint64());
  ++ignored;
  return std::nullopt;
}

Result<BenchmarkCase> read_case(const Json& record, const wire::JsonSlice& slice,
                                std::size_t& ignored) {
  BenchmarkCase one;
  TRINITY_TRY(one.id, required_text(record, "id"));
  TRINITY_TRY(one.family, required_text(record, "family"));
  TRINITY_TRY(one.messages, messages_of(slice));
  one.expected_agent = read_label(record, "expected_agent", ignored);
  one.expected_role = read_label(record, "expected_role", ignored);
  if (const std::string* text = text_member(record, "difficulty")) one.difficulty = *text;
  if (const std::string* text = text_member(record, "source")) one.source = *text;
  if (const Json* extra = record.find("metadata"); extra != nullptr && extra->is_object())
    one.metadata = json_text(*extra);
  return one;
}

Result<Json> read_object(const wire::Line& line) {
  if (line.too_long)
    return fail(ErrorKind::invalid_input, "invalid_jsonl", "the line is too long; split the case");
  auto record = parse_json(line.text);
  if (!record) return fail(ErrorKind::invalid_input, "invalid_jsonl", record.error().message);
  if (!record->is_object())
    return fail(ErrorKind::invalid_input, "invalid_jsonl", "a line must hold one JSON object");
  return record;
}

}  // namespace

Result<BenchmarkDataset> read_benchmark_dataset(std::string_view jsonl, std::string origin) {
  BenchmarkDataset set;
  set.sha256 = sha256_hex(jsonl);
  wire::LineReader reader = wire::LineReader::over(jsonl, origin);
  while (true) {
    TRINITY_TRY(const std::optional<wire::Line> line, reader.next());
    if (!line) break;
    if (wire::is_blank(*line)) continue;
    const std::string where = fmt::format("line {} of {}", line->number, excerpt(origin));
    auto record = read_object(*line);
    if (!record) return fail_in(where, std::move(record.error()));
    auto one = read_case(*record, wire::JsonSlice::of_document(line->text), set.ignored_labels);
    if (!one) return fail_in(where, std::move(one.error()));
    set.cases.push_back(std::move(*one));
  }
  set.name = std::filesystem::path(origin).filename().string();
  set.origin = std::move(origin);
  return set;
}

Result<BenchmarkDataset> load_benchmark_dataset(const std::filesystem::path& path) {
  TRINITY_TRY(const std::string text, read_text_file(path, kMaxBytes));
  return read_benchmark_dataset(text, path.string());
}

Result<BenchmarkDataset> built_in_benchmark_dataset() {
  const auto text = prove::built_in_lab_file(kBuiltInFile);
  if (!text)
    return fail(ErrorKind::missing, "missing_benchmark_dataset",
                "this build holds no benchmark of its own; name a file with --dataset");
  TRINITY_TRY(BenchmarkDataset set, read_benchmark_dataset(*text, kBuiltInFile));
  set.origin = "built in";
  return set;
}

}  // namespace trinity::benchmark
