// drift: how far a lane's decisions follow the f32 lane.
//
// The same inputs (random token ids of many lengths) go through cpu_f32 and through the lane; their
// logits and decisions are compared. Reported are the largest difference of a logit, its spread for
// scale, how many decisions flipped, and the largest f32 margin at which one did: above that margin
// every decision agreed, so it is the lane's measured margin floor on this model.
#include <algorithm>
#include <cmath>
#include <random>

#include "backend_registry/registry.h"
#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"
#include "model/feature_extractor.h"
#include "router/model_files.h"
#include "router/profile.h"

namespace trinity::bench {
namespace {

/// Logits of every input on one backend, computed in batches.
Result<std::vector<std::vector<float>>> logits_on(const std::string& backend_id,
                                                  const BenchOptions& options,
                                                  const router::ModelFiles& files,
                                                  const route::Head& head,
                                                  std::span<const std::vector<int32_t>> inputs) {
  TRINITY_TRY(const model::ModelConfig config, files.config());
  TRINITY_TRY(auto backend, backend::create_backend(backend_id, {options.threads}));
  TRINITY_TRY(auto extractor,
              model::FeatureExtractor::create(*backend, files.tensors(), config, {0, 1024}));
  std::vector<std::vector<float>> logits;
  for (const auto& result : extractor->extract(inputs, {false, false, false})) {
    if (!result) return tl::unexpected(result.error());
    TRINITY_TRY(logits.emplace_back(), head.logits(result->values));
  }
  return logits;
}

struct Split {
  size_t best = 0;
  double margin = 0;  // top-1 minus top-2
};

Split read_split(std::span<const float> values) {
  Split split;
  split.best = static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
  double second = -INFINITY;
  for (size_t i = 0; i < values.size(); ++i)
    if (i != split.best) second = std::max(second, double{values[i]});
  split.margin = values.size() < 2 ? 0 : double{values[split.best]} - second;
  return split;
}

/// Flips of one split over all inputs.
struct Flips {
  double count = 0;
  double largest_margin = 0;
  void compare(std::span<const float> exact, std::span<const float> lane) {
    const Split a = read_split(exact), b = read_split(lane);
    if (a.best == b.best) return;
    ++count;
    largest_margin = std::max(largest_margin, a.margin);
  }
};

}  // namespace

Status run_drift(const BenchOptions& options, const BenchSink& sink) {
  TRINITY_TRY(const router::RuntimeProfile profile, router::resolve_profile(options.profile));
  TRINITY_TRY(const auto files, options.model.empty() ? router::open_tiny_router()
                                                      : router::open_model_folder(options.model));
  TRINITY_TRY(const model::ModelConfig config, files->config());
  TRINITY_TRY(const route::Head head, files->head());
  std::mt19937 random(17);
  std::vector<std::vector<int32_t>> inputs(options.short_mode ? 8 : 300);
  for (auto& ids : inputs) {
    ids.resize(3 + random() % std::min<size_t>(
                                  120, static_cast<size_t>(config.max_position_embeddings) - 3));
    for (int32_t& id : ids)
      id = static_cast<int32_t>(random() % static_cast<uint32_t>(config.vocab_size));
  }
  TRINITY_TRY(const auto exact, logits_on("cpu_f32", options, *files, head, inputs));
  TRINITY_TRY(const auto lane, logits_on(profile.backend, options, *files, head, inputs));

  Flips agent, role;
  double largest = 0, sum = 0, squares = 0, count = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::span<const float> a(exact[i]), b(lane[i]);
    agent.compare(a.first(head.num_agents()), b.first(head.num_agents()));
    role.compare(a.subspan(head.num_agents()), b.subspan(head.num_agents()));
    for (size_t j = 0; j < a.size(); ++j) {
      largest = std::max(largest, std::fabs(double{a[j]} - double{b[j]}));
      sum += a[j];
      squares += double{a[j]} * double{a[j]};
      ++count;
    }
  }
  const double spread = std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  const Params params = {{"profile", json_string(profile.name)},
                         {"against", json_string("cpu_f32")},
                         {"inputs", std::to_string(inputs.size())}};
  const auto one = [&](const std::string& name, double value) {
    Samples sample;
    sample.add(value);
    report(sink, name, params, "logit", sample);
  };
  one("drift-largest", largest);
  one("drift-logit-spread", spread);
  one("drift-agent-floor", agent.largest_margin);
  one("drift-role-floor", role.largest_margin);
  Samples flips;
  flips.add(100 * (agent.count + role.count) / (2 * static_cast<double>(inputs.size())));
  report(sink, "drift-flips", params, "percent", flips);
  return {};
}

}  // namespace trinity::bench
