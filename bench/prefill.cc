// prefill and gemm-floor: how close the forward pass comes to its matrix products alone.
//
// Both are measured on the same prepared weights, alternately, in one process. The floor multiplies
// as many rows as prefill computes (T − 1) through the weights of all layers, inputs converted
// beforehand; it walks through the layers in order, so weights come from memory as they do in
// prefill.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"
#include "bench/model_bed.h"

namespace trinity::bench {
namespace {

/// Token counts of a typical evaluation set: 37 conversations, 1,059 tokens, 1,022 computed rows.
constexpr int64_t kBatchLengths[] = {15, 26, 23, 24, 22, 28, 38, 25, 23, 62, 33, 41, 16,
                                     25, 22, 27, 38, 37, 32, 31, 32, 21, 26, 22, 38, 31,
                                     15, 65, 40, 20, 23, 3,  20, 24, 37, 26, 28};
constexpr int64_t kCachedPrefix = 1024;
constexpr int64_t kNewTokens = 26;

/// The products of all layers on inputs of fixed contents.
class GemmFloor {
 public:
  static Result<GemmFloor> create(ModelBed& bed, int64_t rows) {
    GemmFloor floor(bed);
    TRINITY_TRY(floor.hidden_, floor.input(rows, bed.config.hidden_size));
    TRINITY_TRY(floor.attention_, floor.input(rows, bed.config.attention_width()));
    TRINITY_TRY(floor.ffn_, floor.input(rows, bed.config.intermediate_size));
    return floor;
  }

  Status run() const {
    backend::Backend& backend = *bed_->backend;
    for (const backend::LayerWeights& layer : bed_->extractor->weights().layers) {
      for (const backend::Weight* weight : {&layer.qkv, &layer.q, &layer.kv, &layer.gate_up})
        if (!weight->empty()) TRINITY_CHECK(discard(backend.linear(hidden_, *weight)));
      TRINITY_CHECK(discard(backend.linear(attention_, layer.o)));
      TRINITY_CHECK(discard(backend.linear(ffn_, layer.down)));
    }
    return backend.synchronize();
  }

 private:
  explicit GemmFloor(ModelBed& bed) : bed_(&bed) {}

  static Status discard(const Result<backend::Tensor>& result) {
    if (!result) return tl::unexpected(result.error());
    return {};
  }

  Result<backend::Tensor> input(int64_t rows, int64_t cols) const {
    std::mt19937 random(7);
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (float& value : values) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
    TRINITY_TRY(const backend::Tensor plain, bed_->backend->upload(values, rows, cols));
    return bed_->backend->product_input(plain);
  }

  ModelBed* bed_;
  backend::Tensor hidden_, attention_, ffn_;
};

struct Case {
  std::vector<std::vector<int32_t>> inputs;
  int64_t rows = 0;    // computed in a cold pass
  int64_t cached = 0;  // tokens of a prefix that is in the cache beforehand
};

Status first_error(const std::vector<Result<model::HiddenStates>>& results) {
  for (const auto& result : results)
    if (!result) return tl::unexpected(result.error());
  return {};
}

class PrefillBench {
 public:
  PrefillBench(ModelBed& bed, const BenchOptions& options, const std::set<std::string>& wanted,
               const BenchSink& sink)
      : bed_(bed), options_(options), wanted_(wanted), sink_(sink) {}

  Status measure(const Case& c) {
    TRINITY_TRY(const GemmFloor floor, GemmFloor::create(bed_, c.rows));
    Samples prefill, gemm, ratio;
    Status status;
    const auto keep = [&](Status next) {
      if (!next && status) status = std::move(next);
    };
    const bool both = wanted_.contains("prefill") && wanted_.contains("gemm-floor");
    int runs = options_.runs > 0 ? options_.runs : 2;
    for (int run = 0; run <= runs && status; ++run) {
      double prefill_ms = 0, gemm_ms = 0;
      if (wanted_.contains("prefill")) prefill_ms = prefill_once(c, keep);
      if (wanted_.contains("gemm-floor") && c.cached == 0)
        gemm_ms = time_ms([&] { keep(floor.run()); });
      if (run == 0) {  // warm-up: primitives are built, pages touched; decides how often to repeat
        const double total = std::max(prefill_ms + gemm_ms, 1.0);
        if (options_.runs == 0)
          runs = options_.short_mode ? 2 : static_cast<int>(std::clamp(6000.0 / total, 3.0, 40.0));
        continue;
      }
      if (prefill_ms > 0) prefill.add(prefill_ms);
      if (gemm_ms > 0) gemm.add(gemm_ms);
      if (both && c.cached == 0) ratio.add(prefill_ms / gemm_ms);
    }
    TRINITY_CHECK(std::move(status));
    report_case(c, prefill, gemm, ratio);
    return {};
  }

 private:
  template <class Keep>
  double prefill_once(const Case& c, const Keep& keep) {
    model::FeatureExtractor& extractor = *bed_.extractor;
    if (c.cached == 0)
      return time_ms([&] {
        keep(first_error(extractor.extract(c.inputs, {false, false, false})));
      });
    // Only the shared prefix may be in the cache: it is put there anew before every run.
    extractor.clear_cache();
    std::vector<std::vector<int32_t>> prefix{c.inputs.front()};
    prefix.front().resize(static_cast<size_t>(c.cached) + 1);
    keep(first_error(extractor.extract(prefix, {})));
    return time_ms([&] { keep(first_error(extractor.extract(c.inputs, {}))); });
  }

  void report_case(const Case& c, const Samples& prefill, const Samples& gemm,
                   const Samples& ratio) {
    size_t tokens = 0;
    for (const auto& input : c.inputs) tokens += input.size();
    const Params params = {{"tokens", std::to_string(tokens)},
                           {"rows", std::to_string(c.rows)},
                           {"batch", std::to_string(c.inputs.size())},
                           {"state", json_string(c.cached > 0 ? "cached" : "cold")},
                           {"cached_tokens", std::to_string(c.cached)},
                           {"profile", json_string(bed_.profile.name)},
                           {"device", json_string(bed_.backend->info().device)}};
    if (prefill.count() > 0) report(sink_, "prefill", params, "ms", prefill);
    if (gemm.count() > 0) report(sink_, "gemm-floor", params, "ms", gemm);
    if (ratio.count() > 0) report(sink_, "prefill/gemm-floor", params, "ratio", ratio);
  }

  ModelBed& bed_;
  const BenchOptions& options_;
  const std::set<std::string>& wanted_;
  const BenchSink& sink_;
};

}  // namespace

Status run_prefill(const BenchOptions& options, const std::set<std::string>& wanted,
                   const BenchSink& sink) {
  TRINITY_TRY(ModelBed bed, make_bed(options, size_t{1} << 30));
  PrefillBench bench(bed, options, wanted, sink);
  std::vector<int64_t> lengths = options.tokens;
  if (lengths.empty())
    lengths = options.short_mode ? std::vector<int64_t>{3, 26}
                                 : std::vector<int64_t>{3, 15, 26, 65, 256, 1024};
  for (const int64_t length : options.tokens)
    if (length > bed.config.max_position_embeddings)
      return fail(ErrorKind::usage, "too_many_tokens",
                  fmt::format("--tokens {}: the model reads at most {} tokens; name fewer", length,
                              bed.config.max_position_embeddings));
  for (const int64_t length : lengths)
    if (length <= bed.config.max_position_embeddings)
      TRINITY_CHECK(bench.measure({{random_ids(bed.config, static_cast<size_t>(length), 1)},
                                   std::max<int64_t>(length - 1, 1),
                                   0}));
  if (options.short_mode || !options.tokens.empty()) return {};

  if (kCachedPrefix + kNewTokens <= bed.config.max_position_embeddings)
    TRINITY_CHECK(bench.measure({{random_ids(bed.config, size_t{kCachedPrefix + kNewTokens}, 2)},
                                 kNewTokens - 1,
                                 kCachedPrefix}));
  Case batch;
  uint32_t seed = 100;
  for (const int64_t length : kBatchLengths) {
    batch.inputs.push_back(random_ids(bed.config, static_cast<size_t>(length), seed++));
    batch.rows += length - 1;
  }
  return bench.measure(batch);
}

}  // namespace trinity::bench
