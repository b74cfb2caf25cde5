// The benchmark's data: conversations with a family and, where known, the right agent and role.
//
// JSONL, one case a line:
//   {"id", "family", "messages": [{"role", "content"}],
//    "expected_agent", "expected_role", "difficulty", "source", "metadata"}
// The first three are required; messages are read as everywhere (wire/messages.h). A label that is
// no whole number from 0 is no label, as in older readers of this format; how many there were is
// counted, so that a report can say so. Blank lines and other keys are ignored; the first bad line
// ends the reading.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::benchmark {

struct BenchmarkCase {
  std::string id, family;
  std::vector<Message> messages;
  std::optional<int> expected_agent, expected_role;
  std::string difficulty, source;  // may be empty
  std::string metadata = "{}";     // a JSON object as text
};

struct BenchmarkDataset {
  std::string name;    // the file's name without its folder
  std::string origin;  // the file, or "built in"
  std::string sha256;  // of the file's bytes
  std::vector<BenchmarkCase> cases;
  std::size_t ignored_labels = 0;  // that were given and are no whole number from 0
};

/// Errors: `invalid_jsonl` (no JSON, or no object), `invalid_record_schema`; both name the line.
Result<BenchmarkDataset> read_benchmark_dataset(std::string_view jsonl, std::string origin);
/// The same from a file. Errors also those of read_text_file.
Result<BenchmarkDataset> load_benchmark_dataset(const std::filesystem::path& path);
/// The set that is compiled into the program (lab/benchmark/tasks.jsonl). Error
/// `missing_benchmark_dataset` in a build without it.
Result<BenchmarkDataset> built_in_benchmark_dataset();

}  // namespace trinity::benchmark
