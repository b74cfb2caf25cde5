// Rotation and attention of two backends, at positions and cache lengths around every border.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend/op_checks.h"

namespace trinity::testing {
namespace {

/// New tokens, and for how many of the last of them attention is asked.
struct Step {
  int64_t tokens;
  int64_t queries;
};

/// Keys and values of one sequence as they were appended, in f32.
struct Sequence {
  std::vector<float> k, v;
  int64_t length = 0;
  std::unique_ptr<KvCache> candidate_kv, oracle_kv;
};

void append(std::vector<float>& to, const std::vector<float>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

/// max|v| · (1 + max Σ|q·k|/√dim) for every element of the result; see lane_tolerances.h. The
/// largest of (1 + Σ|q·k|/√dim) goes to `scores`.
std::vector<double> attention_scale(const Sequence& sequence, const std::vector<float>& q,
                                    int64_t queries, const AttentionShape& shape, double& scores) {
  const int64_t dim = shape.head_dim, group = shape.heads / shape.kv_heads;
  const int64_t kv_cols = shape.kv_heads * dim, q_cols = shape.heads * dim;
  std::vector<double> scale;
  for (int64_t r = 0; r < queries; ++r)
    for (int64_t head = 0; head < shape.heads; ++head) {
      double largest_score = 0, largest_value = 0;
      for (int64_t t = 0; t < sequence.length - queries + r + 1; ++t) {
        double score = 0;
        for (int64_t d = 0; d < dim; ++d) {
          const auto at = static_cast<size_t>(t * kv_cols + head / group * dim + d);
          score += std::abs(double{q[static_cast<size_t>(r * q_cols + head * dim + d)]} *
                            double{sequence.k[at]});
          largest_value = std::max(largest_value, std::abs(double{sequence.v[at]}));
        }
        largest_score = std::max(largest_score, score);
      }
      const double factor = 1 + largest_score / std::sqrt(static_cast<double>(dim));
      scores = std::max(scores, factor);
      scale.insert(scale.end(), static_cast<size_t>(dim), largest_value * factor);
    }
  return scale;
}

/// Runs the same steps for several sequences at once; each step is one append and one attention
/// call over all of them.
void check_attention_case(Comparison& c, const AttentionShape& shape,
                          const std::vector<std::vector<Step>>& plans, bool awkward) {
  const int64_t kv_cols = shape.kv_heads * shape.head_dim, q_cols = shape.heads * shape.head_dim;
  const KvShape kv_shape{2, shape.kv_heads, shape.head_dim};
  const int64_t layer = 1;
  std::vector<Sequence> sequences(plans.size());
  for (Sequence& sequence : sequences) {
    sequence.candidate_kv = take(c.candidate.make_kv_cache(kv_shape));
    sequence.oracle_kv = take(c.oracle.make_kv_cache(kv_shape));
  }
  const auto rows = [&](int64_t count, int64_t cols) {
    return awkward ? c.inputs.awkward_rows(count, cols) : c.inputs.normal(count * cols);
  };
  for (size_t step = 0; step < plans.front().size(); ++step) {
    std::vector<float> k, v, q;
    std::vector<SequenceSlice> stored, asked;
    std::vector<std::vector<float>> own_q;
    int64_t k_rows = 0, q_rows = 0;
    for (size_t s = 0; s < plans.size(); ++s) {
      const Step& plan = plans[s][step];
      Sequence& sequence = sequences[s];
      const auto new_k = rows(plan.tokens, kv_cols), new_v = rows(plan.tokens, kv_cols);
      own_q.push_back(rows(plan.queries, q_cols));
      append(k, new_k);
      append(v, new_v);
      append(q, own_q.back());
      append(sequence.k, new_k);
      append(sequence.v, new_v);
      stored.push_back({k_rows, plan.tokens, sequence.length, nullptr});
      sequence.length += plan.tokens;
      asked.push_back({q_rows, plan.queries, sequence.length - plan.queries, nullptr});
      k_rows += plan.tokens;
      q_rows += plan.queries;
    }
    const auto run = [&](Backend& backend, auto cache_of) {
      for (size_t s = 0; s < sequences.size(); ++s)
        stored[s].kv = asked[s].kv = cache_of(sequences[s]);
      require(backend.append_kv(take(backend.upload(k, k_rows, kv_cols)),
                                take(backend.upload(v, k_rows, kv_cols)), stored, layer));
      return values_of(backend, take(backend.attention(take(backend.upload(q, q_rows, q_cols)),
                                                       asked, layer, shape)));
    };
    const auto got =
        run(c.candidate, [](Sequence& sequence) { return sequence.candidate_kv.get(); });
    const auto want = run(c.oracle, [](Sequence& sequence) { return sequence.oracle_kv.get(); });
    std::vector<double> scale;
    double scores = 0;
    for (size_t s = 0; s < plans.size(); ++s) {
      const auto part =
          attention_scale(sequences[s], own_q[s], plans[s][step].queries, shape, scores);
      scale.insert(scale.end(), part.begin(), part.end());
    }
    c.check("attention",
            fmt::format("{}/{} heads of {}, {} sequences, step {}, cache {}, {} queries",
                        shape.heads, shape.kv_heads, shape.head_dim, plans.size(), step,
                        sequences.front().length, plans.front()[step].queries),
            want, got, scale, q_cols, c.tolerances.attention, !awkward);
    for (Sequence& sequence : sequences)
      if (sequence.candidate_kv->length(layer) != sequence.length ||
          sequence.candidate_kv->length(0) != 0)
        c.fail("attention", "the cache counts its tokens wrongly");
  }
}

}  // namespace

void check_rope(Comparison& c) {
  const std::vector<int64_t> borders = {0,  1,   2,   31,  32,   33,   63,    64,
                                        65, 127, 128, 129, 1000, 4095, 20000, 40959};
  for (const int64_t head_dim : {16, 22, 32, 64, 128})
    for (const int64_t heads : {1, 2, 5}) {
      const int64_t cols = heads * head_dim;
      std::vector<int64_t> positions = borders;
      for (int i = 0; i < 21; ++i) positions.push_back(c.inputs.integer(0, 300));
      const auto rows = static_cast<int64_t>(positions.size());
      const auto x = c.inputs.awkward_rows(rows, cols);
      const double theta = heads == 1 ? 10000.0 : heads == 2 ? 1e6 : 12345.5;
      const auto apply = [&](Backend& backend) {
        return values_of(backend, take(backend.rope(take(backend.upload(x, rows, cols)), positions,
                                                    head_dim, theta)));
      };
      // Both elements of a rotated pair are bounded by |a| + |b|.
      std::vector<double> scale(x.size());
      const auto half = static_cast<size_t>(head_dim / 2);
      for (size_t i = 0; i < x.size(); ++i) {
        const size_t partner = i % static_cast<size_t>(head_dim) < half ? i + half : i - half;
        const auto position = static_cast<double>(positions[i / static_cast<size_t>(cols)]);
        scale[i] = (std::abs(double{x[i]}) + std::abs(double{x[partner]})) *
                   (1 + c.tolerances.rope_growth * position);
      }
      c.check("rope",
              fmt::format("{} rows of {} heads of {}, theta {}", rows, heads, head_dim, theta),
              apply(c.oracle), apply(c.candidate), scale, cols, c.tolerances.rope,
              c.tolerances.rope_growth == 0);
    }
}

void check_attention(Comparison& c) {
  std::vector<AttentionShape> shapes = {{4, 2, 32}, {6, 2, 22}, {3, 3, 16}, {2, 1, 64}};
  if (c.effort == Effort::thorough)
    shapes.insert(shapes.end(), {{4, 2, 128}, {1, 1, 32}, {7, 1, 16}, {32, 1, 16}, {8, 4, 6}});
  std::vector<std::vector<Step>> walks = {
      {{1, 1}, {1, 1}, {1, 1}}, {{31, 31}, {1, 1}, {1, 1}, {31, 2}}, {{5, 2}, {28, 28}, {31, 1}}};
  if (c.effort == Effort::thorough)
    walks.insert(walks.end(), {{{33, 33}, {30, 1}, {1, 1}, {1, 1}, {1, 1}},
                               {{64, 64}, {1, 1}},
                               {{15, 15}, {1, 1}, {1, 1}, {15, 15}},
                               {{130, 130}, {127, 3}},
                               {{257, 1}, {2, 2}}});
  for (const AttentionShape& shape : shapes) {
    for (const auto& walk : walks) check_attention_case(c, shape, {walk}, false);
    check_attention_case(c, shape, {{{17, 17}, {33, 5}}}, true);
    // Several sequences in one call, of different lengths and none aligned with the others.
    check_attention_case(
        c, shape, {{{3, 3}, {1, 1}}, {{40, 40}, {25, 1}}, {{1, 1}, {66, 66}}, {{16, 1}, {16, 16}}},
        false);
  }
}

}  // namespace trinity::testing
