#include "prove/matrix/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/stopwatch.h"
#include "base/try.h"
#include "model/feature_extractor.h"
#include "model/forward.h"
#include "prove/matrix/recorder.h"
#include "route/margins.h"
#include "route/selection.h"

namespace trinity::prove {
namespace {

constexpr double kSlowPassMs = 5000;

/// Everything that one lane computed.
struct LaneRun {
  std::vector<std::vector<float>> states;   // one a step, by the operations
  std::optional<std::vector<float>> whole;  // the last of them and its last row, by the whole pass
  LaneAnswers answers;
  LaneTimes times;
};

std::vector<std::string> step_names(int64_t layers) {
  std::vector<std::string> names = {"embedding"};
  for (int64_t l = 0; l < layers; ++l) {
    names.push_back(fmt::format("layer {} attention", l));
    names.push_back(fmt::format("layer {} mlp", l));
  }
  names.emplace_back("final norm");
  return names;
}

Result<std::vector<std::vector<float>>> record_states(backend::Backend& backend,
                                                      const model::FeatureExtractor& extractor,
                                                      std::span<const int32_t> ids) {
  ResidualRecorder recorder(backend);
  const model::SequenceInput input{ids, 0, nullptr};
  model::ForwardOptions options;
  options.full = true;
  options.all_positions = true;
  options.chunk_rows = static_cast<int64_t>(ids.size());
  TRINITY_TRY(const auto normed, model::forward(recorder, extractor.config(), extractor.weights(),
                                                {&input, 1}, options));
  std::vector<std::vector<float>> states = recorder.states();
  states.push_back(normed.front());
  return states;
}

/// What a lane's own pass over all layers gives: all rows of the input, and the last one once more
/// in two turns, of which the second reads keys and values that the first left behind. Nothing for
/// a lane without such a pass.
Result<std::optional<std::vector<float>>> whole_pass_rows(backend::Backend& backend,
                                                          const model::FeatureExtractor& extractor,
                                                          std::span<const int32_t> ids) {
  model::ForwardOptions options;
  options.whole = extractor.whole_pass();
  if (options.whole == nullptr) return std::nullopt;
  const model::ModelConfig& config = extractor.config();
  const auto run = [&](const model::SequenceInput& input, bool all) {
    options.all_positions = all;
    return model::forward(backend, config, extractor.weights(), {&input, 1}, options);
  };
  TRINITY_TRY(auto all, run({ids, 0, nullptr}, true));
  std::vector<float> rows = std::move(all.front());
  TRINITY_TRY(const auto cache,
              backend.make_kv_cache(
                  {config.num_hidden_layers, config.num_key_value_heads, config.head_dim}));
  const size_t first = ids.size() / 2;
  if (first > 0) {
    TRINITY_CHECK(run({ids.first(first), 0, cache.get()}, false));
  }
  TRINITY_TRY(const auto last,
              run({ids.subspan(first), static_cast<int64_t>(first), cache.get()}, false));
  rows.insert(rows.end(), last.front().begin(), last.front().end());
  return rows;
}

Result<std::vector<std::vector<float>>> hidden_of(model::FeatureExtractor& extractor,
                                                  std::span<const MatrixCase> cases) {
  std::vector<std::vector<int32_t>> inputs;
  for (const MatrixCase& one : cases) inputs.push_back(one.ids);
  model::ExtractMode mode;
  mode.prefix_cache = false;
  auto states = extractor.extract(inputs, mode);
  std::vector<std::vector<float>> hidden;
  for (size_t i = 0; i < states.size(); ++i) {
    if (!states[i]) return fail_in("case " + cases[i].id, states[i].error());
    hidden.push_back(std::move(states[i]->values));
  }
  return hidden;
}

Status decide(LaneAnswers& answers, const route::Head& head) {
  for (const auto& vector : answers.hidden) {
    TRINITY_TRY(std::vector<float> logits, head.logits(vector));
    TRINITY_TRY(const Route route,
                route::select_route(logits, head.num_agents(), head.num_roles(), {}));
    const std::span<const float> all(logits);
    answers.decisions.push_back(
        {route.agent_id, route.role_id,
         route::logit_margin(all.first(head.num_agents())).value_or(0.0),
         route::logit_margin(all.subspan(head.num_agents())).value_or(0.0)});
    answers.logits.push_back(std::move(logits));
  }
  return {};
}

Status measure(LaneTimes& times, backend::Backend& backend, model::FeatureExtractor& extractor,
               std::span<const MatrixCase> cases, int runs) {
  std::vector<double> passes;
  for (int run = 0; run < runs; ++run) {
    TRINITY_CHECK(backend.synchronize());
    const Stopwatch watch;
    TRINITY_TRY(const auto hidden, hidden_of(extractor, cases));
    TRINITY_CHECK(backend.synchronize());
    passes.push_back(watch.elapsed_ms());
  }
  if (passes.empty()) return {};
  std::sort(passes.begin(), passes.end());
  times.passes = runs;
  times.min_ms = passes.front();
  times.median_ms = passes[passes.size() / 2];
  return {};
}

Result<LaneRun> run_lane(const MatrixLane& lane, const MatrixModel& model,
                         std::span<const MatrixCase> cases, const ModelMatrixOptions& options) {
  LaneRun run;
  run.times.lane = lane.name;
  const Stopwatch watch;
  TRINITY_TRY(const std::unique_ptr<backend::Backend> backend, lane.create());
  model::ExtractorOptions extraction;
  extraction.prefix_cache_bytes = 0;
  TRINITY_TRY(const auto extractor,
              model::FeatureExtractor::create(*backend, model.tensors, model.config, extraction));
  TRINITY_CHECK(backend->synchronize());
  run.times.load_ms = watch.elapsed_ms();
  TRINITY_TRY(run.states, record_states(*backend, *extractor, options.layer_input));
  TRINITY_TRY(run.whole, whole_pass_rows(*backend, *extractor, options.layer_input));
  const Stopwatch first_pass;
  TRINITY_TRY(run.answers.hidden, hidden_of(*extractor, cases));
  TRINITY_CHECK(backend->synchronize());
  run.times.min_ms = run.times.median_ms = first_pass.elapsed_ms();
  TRINITY_CHECK(decide(run.answers, model.head));
  for (const MatrixCase& one : cases) run.times.tokens += static_cast<int64_t>(one.ids.size());
  if (run.times.min_ms < kSlowPassMs)  // else it told enough, and nobody waits for more of them
    TRINITY_CHECK(measure(run.times, *backend, *extractor, cases, options.runs));
  return run;
}

/// What one half of a layer may add to the relative error of a row.
double half_layer_limit(const backend::LaneTolerances& lane) {
  return lane.linear.row + (lane.rms_norm.row + lane.attention.row + lane.silu_mul.row) / 2;
}

double worst_row_distance(const std::vector<float>& a, const std::vector<float>& b, size_t cols) {
  double worst = 0;
  for (size_t begin = 0; begin < b.size(); begin += cols) {
    double error = 0, length = 0;
    for (size_t i = begin; i < begin + cols; ++i) {
      error += std::pow(double{a[i]} - double{b[i]}, 2);
      length += std::pow(double{b[i]}, 2);
    }
    const double distance = std::sqrt(error / std::max(length, 1e-60));
    if (std::isnan(distance)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, distance);
  }
  return worst;
}

LayerDistance layer_distance(const MatrixLane& lane, const LaneRun& run, const MatrixLane& other,
                             const LaneRun& base, size_t hidden) {
  LayerDistance out;
  out.lane = lane.name;
  out.other = other.name;
  for (size_t step = 0; step < run.states.size(); ++step) {
    const double distance = worst_row_distance(run.states[step], base.states[step], hidden);
    const double halves = std::sqrt(static_cast<double>(step));
    const double limit = lane.limits.upload + other.limits.upload + 0x1p-24 +
                         halves * (half_layer_limit(lane.limits) + half_layer_limit(other.limits));
    if (!out.first_beyond && !(distance <= limit)) out.first_beyond = step;
    out.worst_row.push_back(distance);
    out.limit.push_back(limit);
  }
  return out;
}

/// Where some lane has a pass of its own, its rows become the last step of all lanes; the others
/// have those of the operations there. A lane with one is also compared with its own operations.
void compare_whole_passes(ModelMatrix& matrix, std::span<const MatrixLane> lanes,
                          std::vector<LaneRun>& runs, size_t hidden) {
  if (std::none_of(runs.begin(), runs.end(), [](const LaneRun& run) { return run.whole; })) return;
  matrix.steps.emplace_back("whole pass");
  for (size_t i = 0; i < runs.size(); ++i) {
    std::vector<float> composed = runs[i].states.back();
    composed.insert(composed.end(), composed.end() - static_cast<std::ptrdiff_t>(hidden),
                    composed.end());
    runs[i].states.push_back(composed);
    if (!runs[i].whole) continue;
    MatrixLane operations = lanes[i];
    operations.name += " by operations";
    LaneRun by_operations;
    by_operations.states = runs[i].states;
    runs[i].states.back() = *runs[i].whole;
    matrix.layers.push_back(layer_distance(lanes[i], runs[i], operations, by_operations, hidden));
  }
}

bool same(const CaseDecision& a, const CaseDecision& b) {
  return a.agent == b.agent && a.role == b.role;
}

double logit_distance(const LaneRun& run, const LaneRun& base) {
  double worst = 0;
  for (size_t i = 0; i < run.answers.logits.size(); ++i)
    for (size_t j = 0; j < run.answers.logits[i].size(); ++j)
      worst = std::max(
          worst, std::abs(double{run.answers.logits[i][j]} - double{base.answers.logits[i][j]}));
  return worst;
}

void compare_decisions(ModelMatrix& matrix, std::span<const MatrixLane> lanes,
                       std::span<const LaneRun> runs, size_t oracle,
                       std::span<const MatrixCase> cases) {
  for (size_t i = 0; i < runs.size(); ++i) {
    matrix.logit_distance.push_back(logit_distance(runs[i], runs[oracle]));
    matrix.differing.emplace_back(runs.size(), 0);
    for (size_t c = 0; c < cases.size(); ++c) {
      for (size_t j = 0; j < runs.size(); ++j)
        matrix.differing[i][j] +=
            same(runs[i].answers.decisions[c], runs[j].answers.decisions[c]) ? 0 : 1;
      const CaseDecision &here = runs[i].answers.decisions[c],
                         &base = runs[oracle].answers.decisions[c];
      if (same(here, base)) continue;
      const bool agent = here.agent != base.agent && base.agent_margin >= lanes[i].floors.agent;
      const bool role = here.role != base.role && base.role_margin >= lanes[i].floors.role;
      matrix.flips.push_back({lanes[i].name, cases[c].id, base, here, agent || role});
    }
  }
}

}  // namespace

bool ModelMatrix::passed() const {
  return std::none_of(layers.begin(), layers.end(),
                      [](const LayerDistance& pair) { return pair.first_beyond.has_value(); }) &&
         std::none_of(flips.begin(), flips.end(),
                      [](const Flip& flip) { return flip.beyond_floor; });
}

Result<LaneAnswers> lane_answers(const MatrixLane& lane, const MatrixModel& model,
                                 std::span<const MatrixCase> cases) {
  TRINITY_TRY(const std::unique_ptr<backend::Backend> backend, lane.create());
  model::ExtractorOptions extraction;
  extraction.prefix_cache_bytes = 0;
  TRINITY_TRY(const auto extractor,
              model::FeatureExtractor::create(*backend, model.tensors, model.config, extraction));
  LaneAnswers answers;
  TRINITY_TRY(answers.hidden, hidden_of(*extractor, cases));
  TRINITY_CHECK(decide(answers, model.head));
  return answers;
}

Result<ModelMatrix> compare_models(std::span<const MatrixLane> lanes, const MatrixModel& model,
                                   std::span<const MatrixCase> cases,
                                   const ModelMatrixOptions& options) {
  if (lanes.empty() || options.layer_input.empty())
    return fail(ErrorKind::usage, "nothing_to_compare",
                "a comparison needs at least one profile and one input");
  std::vector<LaneRun> runs;
  for (const MatrixLane& lane : lanes) {
    if (options.progress) options.progress(runs.size(), lanes.size());
    auto run = run_lane(lane, model, cases, options);
    if (!run) return fail_in("profile " + lane.name, run.error());
    runs.push_back(std::move(*run));
  }
  const size_t oracle = oracle_lane(lanes);
  ModelMatrix matrix;
  matrix.oracle = lanes[oracle].name;
  matrix.steps = step_names(model.config.num_hidden_layers);
  matrix.cases = cases.size();
  const auto hidden = static_cast<size_t>(model.config.hidden_size);
  compare_whole_passes(matrix, lanes, runs, hidden);
  for (size_t i = 0; i < lanes.size(); ++i)
    if (i != oracle)
      matrix.layers.push_back(
          layer_distance(lanes[i], runs[i], lanes[oracle], runs[oracle], hidden));
  for (size_t i = 0; i < lanes.size(); ++i)
    for (size_t j = i + 1; j < lanes.size(); ++j)
      if (i != oracle && j != oracle)
        matrix.layers.push_back(layer_distance(lanes[i], runs[i], lanes[j], runs[j], hidden));
  compare_decisions(matrix, lanes, runs, oracle, cases);
  for (const LaneRun& run : runs) matrix.times.push_back(run.times);
  return matrix;
}

}  // namespace trinity::prove
