// Cases of the operations that a backend may fuse. They are judged by the formulas, like all
// others: a fused operation that is compared with the lane's own parts would share their mistakes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "prove/matrix/op_cases_groups.h"

namespace trinity::prove {
namespace {

using formula::Rounding;
using formula::stored;
using formula::Values;
using Floats = std::vector<float>;

constexpr float kNormEps = 1e-6F;

double row_length(const Values& values, size_t begin, size_t cols) {
  double squares = 0;
  for (size_t i = begin; i < begin + cols; ++i) squares += values[i] * values[i];
  return std::sqrt(squares);
}

/// Every element is allowed the same share of its row's length.
std::vector<double> row_lengths(const Values& values, int64_t cols) {
  const auto width = static_cast<size_t>(cols);
  std::vector<double> scale;
  for (size_t begin = 0; begin < values.size(); begin += width)
    scale.insert(scale.end(), width, row_length(values, begin, width));
  return scale;
}

void visit_add_rms_norm(OpCaseGroup& g) {
  for (const int64_t rows : g.row_counts())
    for (const int64_t cols : {64, 75, 141})
      for (const bool with_delta : {true, false}) {
        const Floats h = g.inputs.uneven_rows(rows, cols), d = g.inputs.uneven_rows(rows, cols);
        const Floats w = g.inputs.normal(cols, 0.3, 1);
        const HostMatrix weight({cols}, w);
        const auto run = [&](backend::Backend& backend, bool residual) -> Result<Floats> {
          TRINITY_TRY(const backend::Weight prepared, backend.prepare_norm(weight.view()));
          TRINITY_TRY(backend::Tensor stream, backend.upload(h, rows, cols));
          TRINITY_TRY(const backend::Tensor delta, backend.upload(d, rows, cols));
          TRINITY_TRY(
              const backend::Tensor normed,
              backend.add_rms_norm(stream, with_delta ? &delta : nullptr, prepared, kNormEps));
          return activation_values(backend, residual ? stream : normed);
        };
        const auto sum = [&](Rounding rounding) {
          const Values base = stored(h, rounding);
          return with_delta ? formula::add(base, stored(d, rounding), rounding) : base;
        };
        const std::string detail =
            fmt::format("[{}, {}]{}", rows, cols, with_delta ? "" : ", nothing to add");
        g.visit({"add_rms_norm", detail + ", residual",
                 [&](backend::Backend& backend) { return run(backend, true); },
                 [&](const backend::LaneTolerances& lane) {
                   const Rounding rounding = rounding_of(lane);
                   return OpTruth{sum(rounding),
                                  formula::add(magnitudes(stored(h, rounding)),
                                               magnitudes(stored(d, rounding)), Rounding::none),
                                  lane.add, 0, lane.bf16_order};
                 }});
        g.visit({"add_rms_norm", detail,
                 [&](backend::Backend& backend) { return run(backend, false); },
                 [&](const backend::LaneTolerances& lane) {
                   const Rounding rounding = rounding_of(lane);
                   OpTruth truth;
                   truth.values = formula::rms_norm(sum(rounding), stored(w, rounding),
                                                    double{kNormEps}, rounding);
                   // The result is the input of a product and has the format of one.
                   truth.tolerance.element = lane.rms_norm.element;
                   if (!lane.int8) truth.tolerance.element += lane.linear.element / 2;
                   truth.scale = magnitudes(truth.values);
                   truth.given_bits = lane.bf16_order;
                   return truth;
                 }});
      }
}

/// Norm, rotation and storing of queries and keys, read back through attention.
void visit_qk_norm_rope_append(OpCaseGroup& g) {
  for (const backend::AttentionShape& shape :
       {backend::AttentionShape{4, 2, 32}, {6, 2, 22}, {3, 3, 16}})
    for (const auto& [first, second] : {std::pair<int64_t, int64_t>{1, 2}, {30, 5}, {33, 1}}) {
      const int64_t dim = shape.head_dim, q_cols = shape.heads * dim,
                    kv_cols = shape.kv_heads * dim;
      const std::vector<int64_t> counts = {first, second};
      std::vector<Floats> q, k, v;
      for (const int64_t rows : counts) {
        q.push_back(g.inputs.normal(rows * q_cols));
        k.push_back(g.inputs.normal(rows * kv_cols));
        v.push_back(g.inputs.normal(rows * kv_cols));
      }
      const Floats q_w = g.inputs.normal(dim, 0.3, 1.2), k_w = g.inputs.normal(dim, 0.3, 1.2);
      const HostMatrix q_norm({dim}, q_w), k_norm({dim}, k_w);
      g.visit({"qk_norm_rope_append",
               fmt::format("{}/{} heads of {}, {} tokens then {}", shape.heads, shape.kv_heads, dim,
                           first, second),
               [&](backend::Backend& backend) -> Result<Floats> {
                 TRINITY_TRY(const backend::Weight q_weight, backend.prepare_norm(q_norm.view()));
                 TRINITY_TRY(const backend::Weight k_weight, backend.prepare_norm(k_norm.view()));
                 TRINITY_TRY(const auto cache, backend.make_kv_cache({1, shape.kv_heads, dim}));
                 Floats results;
                 int64_t position = 0;
                 for (size_t i = 0; i < counts.size(); ++i) {
                   backend::Qkv qkv;
                   TRINITY_TRY(qkv.q, backend.upload(q[i], counts[i], q_cols));
                   TRINITY_TRY(qkv.k, backend.upload(k[i], counts[i], kv_cols));
                   TRINITY_TRY(qkv.v, backend.upload(v[i], counts[i], kv_cols));
                   const backend::SequenceSlice slice{0, counts[i], position, cache.get()};
                   TRINITY_TRY(const backend::Tensor turned,
                               backend.qk_norm_rope_append(qkv, q_weight, k_weight, kNormEps, 1e6,
                                                           {&slice, 1}, 0, shape));
                   TRINITY_TRY(const backend::Tensor mixed,
                               backend.attention(turned, {&slice, 1}, 0, shape));
                   TRINITY_TRY(const Floats out, activation_values(backend, mixed));
                   results.insert(results.end(), out.begin(), out.end());
                   position += counts[i];
                 }
                 return results;
               },
               [&](const backend::LaneTolerances& lane) {
                 const Rounding rounding = rounding_of(lane);
                 OpTruth truth;
                 Values keys, values;
                 int64_t position = 0;
                 for (size_t i = 0; i < counts.size(); ++i) {
                   std::vector<int64_t> positions;
                   for (int64_t r = 0; r < counts[i]; ++r) positions.push_back(position++);
                   const auto turned = [&](const Floats& x, const Floats& w) {
                     return formula::rope(
                         formula::rms_norm(stored(x, rounding), stored(w, rounding),
                                           double{kNormEps}, rounding),
                         positions, dim, 1e6, rounding);
                   };
                   const Values queries = turned(q[i], q_w), new_keys = turned(k[i], k_w);
                   const Values new_values = stored(v[i], rounding);
                   keys.insert(keys.end(), new_keys.begin(), new_keys.end());
                   values.insert(values.end(), new_values.begin(), new_values.end());
                   const Values part = formula::attention(queries, keys, values, shape, rounding);
                   const auto scale = attention_scale(queries, keys, values, shape);
                   truth.values.insert(truth.values.end(), part.begin(), part.end());
                   truth.scale.insert(truth.scale.end(), scale.begin(), scale.end());
                 }
                 // Both factors of a score were normed and turned before.
                 const double before = 2 * (lane.rms_norm.element + lane.rope.element);
                 truth.tolerance = {lane.attention.element + before, lane.attention.row + before};
                 truth.cols = lane.rope_growth == 0 ? q_cols : 0;
                 return truth;
               }});
    }
}

void visit_mlp(OpCaseGroup& g) {
  for (const int64_t rows : {1, 2, 21}) {
    const int64_t hidden = 75, ffn = 141;
    const auto matrix = [&](int64_t out, int64_t in) {
      return HostMatrix({out, in},
                        g.inputs.normal(out * in, 1 / std::sqrt(static_cast<double>(in))));
    };
    const HostMatrix gate = matrix(ffn, hidden), up = matrix(ffn, hidden),
                     down = matrix(hidden, ffn);
    const Floats x = g.inputs.normal(rows * hidden);
    g.visit({"mlp", fmt::format("{} rows, {} to {} and back", rows, hidden, ffn),
             [&](backend::Backend& backend) -> Result<Floats> {
               const std::vector<TensorView> both = {gate.view(), up.view()};
               TRINITY_TRY(const backend::Weight gate_up, backend.prepare_linear(both));
               TRINITY_TRY(const backend::Weight last, prepare_matrix(backend, down));
               TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, hidden));
               TRINITY_TRY(const backend::Tensor out, backend.mlp(input, gate_up, last));
               return activation_values(backend, out);
             },
             [&](const backend::LaneTolerances& lane) {
               const Rounding rounding = rounding_of(lane);
               const auto product = [&](const Values& values, const HostMatrix& w, int64_t in) {
                 return formula::linear(values, stored(w.values(), rounding), in, rounding);
               };
               const Values input = stored(x, rounding);
               OpTruth truth;
               truth.values = product(formula::silu_mul(product(input, gate, hidden),
                                                        product(input, up, hidden), rounding),
                                      down, ffn);
               truth.scale = row_lengths(truth.values, hidden);
               // Two products one after the other, and the activation between them.
               const double row = 3 * lane.linear.row + lane.silu_mul.row;
               truth.tolerance = {row, row};
               truth.cols = hidden;
               return truth;
             }});
  }
}

}  // namespace

void visit_fused_cases(OpCaseGroup& group) {
  visit_add_rms_norm(group);
  visit_qk_norm_rope_append(group);
  visit_mlp(group);
}

}  // namespace trinity::prove
