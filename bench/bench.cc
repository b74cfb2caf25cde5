#include "bench/bench.h"

#include <set>

#include "base/try.h"
#include "bench/benchmarks.h"

namespace trinity {

std::vector<std::pair<std::string, std::string>> bench_list() {
  return {{"prefill", "tokens to hidden vector: cold, after a cached prefix, and batched"},
          {"gemm-floor", "the matrix products of prefill alone, through all layers' weights"},
          {"conversations", "turns of growing conversations against cold inputs; look-ups"},
          {"tokenize", "text to token ids on one thread, in MB/s"},
          {"drift", "logits and decisions of a profile against cpu_f32; gives its margin floor"},
          {"export", "a whole adaptation to a bundle, and its matrix products alone"},
          {"load", "a new process to its first decision: with a bundle, compact, and by vector"},
          {"startup", "a new process from start to its first decision, and its peak memory"}};
}

Status run_bench(const BenchOptions& options, const BenchSink& sink) {
  std::set<std::string> wanted(options.names.begin(), options.names.end());
  std::string known;
  for (const auto& [name, description] : bench_list()) {
    known += (known.empty() ? "" : ", ") + name;
    if (options.names.empty()) wanted.insert(name);
  }
  for (const std::string& name : wanted)
    if ((", " + known + ",").find(", " + name + ",") == std::string::npos)
      return fail(ErrorKind::usage, "unknown_benchmark",
                  "there is no benchmark \"" + name + "\"; known are " + known);
  if (wanted.contains("prefill") || wanted.contains("gemm-floor"))
    TRINITY_CHECK(bench::run_prefill(options, wanted, sink));
  if (wanted.contains("conversations")) TRINITY_CHECK(bench::run_conversations(options, sink));
  if (wanted.contains("tokenize")) TRINITY_CHECK(bench::run_tokenize(options, sink));
  if (wanted.contains("drift")) TRINITY_CHECK(bench::run_drift(options, sink));
  if (wanted.contains("export") || wanted.contains("load"))
    TRINITY_CHECK(bench::run_adaptation(options, wanted, sink));
  if (wanted.contains("startup")) TRINITY_CHECK(bench::run_startup(options, sink));
  return {};
}

}  // namespace trinity
