// One function for each benchmark family; bench.cc lists them by name.
#pragma once

#include <set>

#include "bench/bench.h"

namespace trinity::bench {

/// `wanted` holds the requested names among "prefill" and "gemm-floor".
Status run_prefill(const BenchOptions& options, const std::set<std::string>& wanted,
                   const BenchSink& sink);
/// The prefix cache of a server, and its look-ups.
Status run_conversations(const BenchOptions& options, const BenchSink& sink);
Status run_tokenize(const BenchOptions& options, const BenchSink& sink);
Status run_drift(const BenchOptions& options, const BenchSink& sink);
/// `wanted` holds the requested names among "export" and "load".
Status run_adaptation(const BenchOptions& options, const std::set<std::string>& wanted,
                      const BenchSink& sink);
Status run_startup(const BenchOptions& options, const BenchSink& sink);

}  // namespace trinity::bench
