// A benchmark on paper: what was measured, with what, on which data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_value.h"
#include "benchmark/run.h"
#include "report/document.h"

namespace trinity::benchmark {

/// What a reader needs to know beside the figures.
struct BenchmarkContext {
  BenchmarkSuite suite = BenchmarkSuite::all;
  std::string generated_at;
  std::string git_commit;  // short; empty: unknown
  std::string profile, model, input_mode;
  std::string head;  // for people: whose head it is, or that it is a random one
  bool random_head = false;
  std::optional<std::int64_t> head_seed;  // of a random head
  std::size_t num_agents = 0, num_roles = 0;
  std::string xla_target;  // that other programs of the family read; empty: unset
  std::string dataset_id, dataset_hash;
  std::size_t dataset_cases = 0;                                  // that were benchmarked
  std::size_t ignored_labels = 0;                                 // of the data set
  std::vector<std::pair<std::string, std::string>> dependencies;  // name, version
};

/// {schema_version, suite, generated_at, git_commit, profile, model, head, head_opts, xla_target,
/// dataset_id, dataset_hash, dataset_count_hash, …, platform, dependencies, payload: {separability,
/// routing, turn_budget}}; the payload holds the suites that ran.
Result<Json> benchmark_record(const BenchmarkContext& context, const BenchmarkResults& results);

/// For people: what was measured with what, then a section a suite.
report::Document benchmark_document(const BenchmarkContext& context,
                                    const BenchmarkResults& results);

/// The record as Markdown: headings, then the figures as JSON without the lists of single cases.
std::string benchmark_markdown(const Json& record);

}  // namespace trinity::benchmark
