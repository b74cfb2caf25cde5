// Cases of rotation and attention, at positions and cache lengths around every border.
#include <fmt/format.h>

#include <cmath>

#include "base/try.h"
#include "prove/matrix/op_cases_groups.h"

namespace trinity::prove {
namespace {

using formula::Rounding;
using formula::stored;
using formula::Values;
using Floats = std::vector<float>;

/// New tokens of a sequence, and for how many of the last of them attention is asked.
struct Step {
  int64_t tokens;
  int64_t queries;
};

/// Everything that one sequence is given over all steps.
struct Sequence {
  std::vector<Floats> k, v, q;  // one a step
  std::vector<Step> steps;
};

void append_values(Floats& to, const Floats& values) {
  to.insert(to.end(), values.begin(), values.end());
}

/// Runs all steps for all sequences together; the results of the steps one after another.
Result<Floats> run_steps(backend::Backend& backend, const backend::AttentionShape& shape,
                         std::span<const Sequence> sequences) {
  const int64_t kv_cols = shape.kv_heads * shape.head_dim, q_cols = shape.heads * shape.head_dim;
  constexpr int64_t kLayer = 1;
  std::vector<std::unique_ptr<backend::KvCache>> caches;
  for (size_t s = 0; s < sequences.size(); ++s) {
    TRINITY_TRY(caches.emplace_back(), backend.make_kv_cache({2, shape.kv_heads, shape.head_dim}));
  }
  std::vector<int64_t> lengths(sequences.size(), 0);
  Floats results;
  for (size_t step = 0; step < sequences.front().steps.size(); ++step) {
    Floats k, v, q;
    std::vector<backend::SequenceSlice> stored_slices, asked;
    int64_t k_rows = 0, q_rows = 0;
    for (size_t s = 0; s < sequences.size(); ++s) {
      const Step& plan = sequences[s].steps[step];
      append_values(k, sequences[s].k[step]);
      append_values(v, sequences[s].v[step]);
      append_values(q, sequences[s].q[step]);
      stored_slices.push_back({k_rows, plan.tokens, lengths[s], caches[s].get()});
      lengths[s] += plan.tokens;
      asked.push_back({q_rows, plan.queries, lengths[s] - plan.queries, caches[s].get()});
      k_rows += plan.tokens;
      q_rows += plan.queries;
    }
    TRINITY_TRY(const backend::Tensor keys, backend.upload(k, k_rows, kv_cols));
    TRINITY_TRY(const backend::Tensor values, backend.upload(v, k_rows, kv_cols));
    TRINITY_TRY(const backend::Tensor queries, backend.upload(q, q_rows, q_cols));
    TRINITY_CHECK(backend.append_kv(keys, values, stored_slices, kLayer));
    for (size_t s = 0; s < sequences.size(); ++s)
      if (caches[s]->length(kLayer) != lengths[s] || caches[s]->length(0) != 0)
        return fail(ErrorKind::failed, "kv_length", "the cache counts its tokens wrongly");
    TRINITY_TRY(const backend::Tensor mixed, backend.attention(queries, asked, kLayer, shape));
    TRINITY_TRY(const Floats out, activation_values(backend, mixed));
    append_values(results, out);
  }
  return results;
}

OpTruth truth_of_steps(const backend::AttentionShape& shape, std::span<const Sequence> sequences,
                       const backend::LaneTolerances& lane, bool extreme) {
  const Rounding rounding = rounding_of(lane);
  OpTruth truth;
  std::vector<Floats> k(sequences.size()), v(sequences.size());
  for (size_t step = 0; step < sequences.front().steps.size(); ++step)
    for (size_t s = 0; s < sequences.size(); ++s) {
      append_values(k[s], sequences[s].k[step]);
      append_values(v[s], sequences[s].v[step]);
      const Values keys = stored(k[s], rounding), values = stored(v[s], rounding);
      const Values queries = stored(sequences[s].q[step], rounding);
      const Values part = formula::attention(queries, keys, values, shape, rounding);
      const auto scale = attention_scale(queries, keys, values, shape);
      truth.values.insert(truth.values.end(), part.begin(), part.end());
      truth.scale.insert(truth.scale.end(), scale.begin(), scale.end());
    }
  truth.tolerance = lane.attention;
  truth.cols = extreme ? 0 : shape.heads * shape.head_dim;
  return truth;
}

void visit_attention_case(OpCaseGroup& g, const backend::AttentionShape& shape,
                          const std::vector<std::vector<Step>>& plans, bool extreme) {
  const int64_t kv_cols = shape.kv_heads * shape.head_dim, q_cols = shape.heads * shape.head_dim;
  // Scores far above what normed heads can give, where one rounding step of the largest one already
  // exceeds the range of the exponential.
  constexpr float kLargestFactor = 1e5F, kLargestValue = 1e12F;
  const auto rows = [&](int64_t count, int64_t cols, float largest) {
    return extreme ? g.inputs.extreme_rows(count, cols, largest) : g.inputs.normal(count * cols);
  };
  std::vector<Sequence> sequences(plans.size());
  int64_t tokens = 0;
  for (size_t s = 0; s < plans.size(); ++s) {
    sequences[s].steps = plans[s];
    for (const Step& step : plans[s]) {
      sequences[s].k.push_back(rows(step.tokens, kv_cols, kLargestFactor));
      sequences[s].v.push_back(rows(step.tokens, kv_cols, kLargestValue));
      sequences[s].q.push_back(rows(step.queries, q_cols, kLargestFactor));
      tokens += s == 0 ? step.tokens : 0;
    }
  }
  g.visit({"attention",
           fmt::format("{}/{} heads of {}, {} sequences, {} tokens in {} steps{}", shape.heads,
                       shape.kv_heads, shape.head_dim, plans.size(), tokens, plans.front().size(),
                       extreme ? ", extreme values" : ""),
           [&](backend::Backend& backend) { return run_steps(backend, shape, sequences); },
           [&](const backend::LaneTolerances& lane) {
             return truth_of_steps(shape, sequences, lane, extreme);
           }});
}

/// One key that fits and a thousand that hardly do. Each of these weighs e^-12.5 of the first, all
/// together half a per cent of an output that without them would be another one.
void visit_far_keys(OpCaseGroup& g, const backend::AttentionShape& shape) {
  constexpr Step kStep{1001, 2};
  const int64_t kv_cols = shape.kv_heads * shape.head_dim, q_cols = shape.heads * shape.head_dim;
  Sequence sequence;
  sequence.steps = {kStep};
  sequence.q.emplace_back(static_cast<size_t>(kStep.queries * q_cols), 1.0F);
  Floats& keys = sequence.k.emplace_back(g.inputs.normal(kStep.tokens * kv_cols, 0.01));
  Floats& values = sequence.v.emplace_back(g.inputs.normal(kStep.tokens * kv_cols, 1, 8));
  const auto near = static_cast<float>(12.5 / std::sqrt(static_cast<double>(shape.head_dim)));
  for (size_t i = 0; i < static_cast<size_t>(kv_cols); ++i) {
    keys[i] = near;
    values[i] -= 8;
  }
  g.visit({"attention",
           fmt::format("{}/{} heads of {}, {} far keys", shape.heads, shape.kv_heads,
                       shape.head_dim, kStep.tokens - 1),
           [&](backend::Backend& backend) {
             return run_steps(backend, shape, {&sequence, 1});
           },
           [&](const backend::LaneTolerances& lane) {
             // Rounding a sum of a thousand equal terms always errs to one side, so the length of a
             // row may part further than elements do.
             return truth_of_steps(shape, {&sequence, 1}, lane, true);
           }});
}

/// A cache counts the tokens of each layer and holds what a fork of it holds.
void visit_append_kv(OpCaseGroup& g) {
  for (const int64_t tokens : {1, 2, 31, 33, 65}) {
    const backend::KvShape shape{2, 2, 16};
    const Floats rows = g.inputs.normal(tokens * 32);
    g.visit({"append_kv", fmt::format("{} tokens and one more", tokens),
             [&](backend::Backend& backend) -> Result<Floats> {
               TRINITY_TRY(const auto cache, backend.make_kv_cache(shape));
               TRINITY_TRY(const backend::Tensor many, backend.upload(rows, tokens, 32));
               const std::span<const float> first(rows.data(), 32);
               TRINITY_TRY(const backend::Tensor one, backend.upload(first, 1, 32));
               const backend::SequenceSlice begin{0, tokens, 0, cache.get()},
                   end{0, 1, tokens, cache.get()};
               TRINITY_CHECK(backend.append_kv(many, many, {&begin, 1}, 1));
               const auto fork = cache->fork(0);
               const auto before = static_cast<float>(cache->length(1));
               TRINITY_CHECK(backend.append_kv(one, one, {&end, 1}, 1));
               return Floats{before, static_cast<float>(cache->length(1)),
                             static_cast<float>(cache->length(0)),
                             static_cast<float>(fork->length(1))};
             },
             [tokens](const backend::LaneTolerances&) {
               const auto count = static_cast<double>(tokens);
               OpTruth truth;
               truth.values = {count, count + 1, 0, 0};
               truth.scale.assign(4, 0);
               truth.given_bits = true;
               return truth;
             }});
  }
}

}  // namespace

void visit_rope_cases(OpCaseGroup& g) {
  const std::vector<int64_t> borders = {0,  1,   2,   31,  32,   33,   63,    64,
                                        65, 127, 128, 129, 1000, 4095, 20000, 40959};
  std::vector<std::vector<int64_t>> walks = {borders, {7}, {0, 1}};
  std::vector<int64_t> dims = {16, 22, 64, 128};
  if (g.thorough) {
    dims.push_back(32);
    std::vector<int64_t>& anywhere = walks.emplace_back();
    for (int i = 0; i < 21; ++i) anywhere.push_back(g.inputs.integer(0, 300));
  }
  for (const int64_t head_dim : dims)
    for (const int64_t heads : {1, 2, 5})
      for (const auto& positions : walks) {
        const auto rows = static_cast<int64_t>(positions.size());
        const int64_t cols = heads * head_dim;
        const bool extreme = heads == 2;
        const Floats x = extreme ? g.inputs.extreme_rows(rows, cols) : g.inputs.normal(rows * cols);
        const double theta = heads == 1 ? 10000.0 : heads == 2 ? 1e6 : 12345.5;
        g.visit({"rope",
                 fmt::format("{} rows of {} heads of {}, theta {}{}", rows, heads, head_dim, theta,
                             extreme ? ", extreme values" : ""),
                 [&](backend::Backend& backend) -> Result<Floats> {
                   TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, cols));
                   TRINITY_TRY(const backend::Tensor turned,
                               backend.rope(input, positions, head_dim, theta));
                   return activation_values(backend, turned);
                 },
                 [&](const backend::LaneTolerances& lane) {
                   const Rounding rounding = rounding_of(lane);
                   const Values values = stored(x, rounding);
                   return OpTruth{formula::rope(values, positions, head_dim, theta, rounding),
                                  rotation_scale(values, positions, head_dim, lane.rope_growth),
                                  lane.rope, lane.rope_growth == 0 && !extreme ? cols : 0,
                                  lane.bf16_order};
                 }});
      }
}

void visit_attention_cases(OpCaseGroup& g) {
  visit_append_kv(g);
  visit_far_keys(g, {2, 1, 64});
  if (g.thorough) visit_far_keys(g, {6, 2, 22});
  std::vector<backend::AttentionShape> shapes = {{4, 2, 32}, {6, 2, 22}, {3, 3, 16}, {2, 1, 64}};
  if (g.thorough)
    shapes.insert(shapes.end(), {{4, 2, 128}, {1, 1, 32}, {7, 1, 16}, {32, 1, 16}, {8, 4, 6}});
  std::vector<std::vector<Step>> walks = {
      {{1, 1}, {1, 1}, {1, 1}}, {{2, 2}, {31, 31}, {31, 2}}, {{5, 2}, {28, 28}, {31, 1}}};
  if (g.thorough)
    walks.insert(walks.end(), {{{33, 33}, {30, 1}, {1, 1}, {1, 1}, {1, 1}},
                               {{31, 31}, {1, 1}, {1, 1}, {31, 2}},
                               {{64, 64}, {1, 1}},
                               {{15, 15}, {1, 1}, {1, 1}, {15, 15}},
                               {{130, 130}, {127, 3}},
                               {{257, 1}, {2, 2}}});
  for (const backend::AttentionShape& shape : shapes) {
    for (const auto& walk : walks) visit_attention_case(g, shape, {walk}, false);
    visit_attention_case(g, shape, {{{17, 17}, {33, 5}}}, true);
    // Several sequences in one call, of different lengths and none aligned with the others.
    visit_attention_case(
        g, shape, {{{3, 3}, {1, 1}}, {{40, 40}, {25, 1}}, {{1, 1}, {66, 66}}, {{16, 1}, {16, 16}}},
        false);
  }
}

}  // namespace trinity::prove
