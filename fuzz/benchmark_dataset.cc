// Any bytes as a benchmark's data set: refused with a tag and the line, or cases that are whole.
#include <cstdint>

#include "benchmark/dataset.h"
#include "input.h"

using trinity::fuzz::require;

namespace {

constexpr std::string_view kValid =
    R"({"id":"a","family":"math","messages":[{"role":"user","content":"Is 7 prime?"}],"expected_agent":1,"expected_role":0,"difficulty":"easy","source":"s","metadata":{"k":[1]}}
{"id":"b","family":"code","messages":[{"role":"user","content":"x"},{"role":"assistant","content":""}],"expected_agent":null}
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto set = trinity::benchmark::read_benchmark_dataset(
      trinity::fuzz::bytes_or_edit(data, size, kValid), "set");
  if (!set) {
    trinity::fuzz::require_clear(set.error());
    require(set.error().message.starts_with("line "), "the line is named");
    return 0;
  }
  for (const trinity::benchmark::BenchmarkCase& one : set->cases) {
    require(!one.id.empty() && !one.family.empty() && !one.messages.empty());
    require(one.expected_agent.value_or(0) >= 0 && one.expected_role.value_or(0) >= 0);
  }
  return 0;
}
