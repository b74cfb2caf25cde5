// Named benchmarks, as `trinity bench` runs them.
//
// Every speed is reported as milliseconds (or MB/s) of one named thing, with the fastest and the
// median of several runs. What is to be compared is measured alternately in one run, because
// machines drift.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace trinity {

struct BenchOptions {
  std::vector<std::string> names;  // empty = all that need no further input
  std::filesystem::path model;     // folder; the embedded tiny router when empty
  std::string profile;             // empty = the default
  int threads = 0;
  bool short_mode = false;      // few and small measurements, to see that all works
  std::vector<int64_t> tokens;  // input lengths; empty = the benchmark's own
  int runs = 0;                 // 0 = chosen by duration; of conversations: how many there are
};

/// Called with each measurement: one line of JSON
/// {"name","params":{…},"unit","min","median","runs"} and the same for people.
using BenchSink = std::function<void(const std::string& json_line, const std::string& text_line)>;

/// (name, what it measures).
std::vector<std::pair<std::string, std::string>> bench_list();

/// Errors: `unknown_benchmark`, and those of loading the model.
Status run_bench(const BenchOptions& options, const BenchSink& sink);

}  // namespace trinity
