// Cases of the row-wise operations: upload, products, norms, sums, activation, row selection.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "model/embedding.h"
#include "prove/matrix/op_cases_groups.h"

namespace trinity::prove {
namespace {

using formula::Rounding;
using formula::stored;
using formula::Values;
using Floats = std::vector<float>;

/// Rows of the kind that a case asks for.
Floats rows_of(InputStream& inputs, int64_t rows, int64_t cols, bool extreme) {
  return extreme ? inputs.extreme_rows(rows, cols) : inputs.uneven_rows(rows, cols);
}

std::string suffix(bool extreme) { return extreme ? ", extreme values" : ""; }

/// What a lane is given: rows of an embedding, as they are stored or rounded by the lane.
void visit_upload(OpCaseGroup& g) {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const int64_t hidden : {1, 64, 75})
      for (const int64_t count : {1, 2, 19}) {
        const int64_t vocab = 41;
        const HostMatrix table({vocab, hidden}, g.inputs.extreme_rows(vocab, hidden), dtype);
        auto ids = g.inputs.ids(count, vocab);
        ids.front() = 0;
        ids.back() = count == 1 ? 0 : static_cast<int32_t>(vocab - 1);
        g.visit({"upload", fmt::format("{} embedded rows of width {}", count, hidden),
                 [&](backend::Backend& backend) -> Result<Floats> {
                   Floats values(ids.size() * static_cast<size_t>(hidden));
                   TRINITY_CHECK(model::TableRows(table.view()).gather(ids, values));
                   TRINITY_TRY(const backend::Tensor rows, backend.upload(values, count, hidden));
                   return activation_values(backend, rows);
                 },
                 [&](const backend::LaneTolerances& lane) {
                   const Values all = stored(table.values(), rounding_of(lane));
                   OpTruth truth;
                   for (const int32_t id : ids)
                     truth.values.insert(truth.values.end(), all.begin() + id * hidden,
                                         all.begin() + (id + 1) * hidden);
                   truth.scale = magnitudes(truth.values);
                   truth.given_bits = true;
                   return truth;
                 }});
      }
}

/// x · Wᵀ of given numbers; `detail` says which.
void visit_product(OpCaseGroup& g, const Floats& x, const HostMatrix& matrix, int64_t rows,
                   int64_t in, int64_t out, const std::string& detail, bool exact,
                   bool judge_rows) {
  g.visit({"linear", fmt::format("[{}, {}] x [{}, {}]{}", rows, in, out, in, detail),
           [&](backend::Backend& backend) -> Result<Floats> {
             TRINITY_TRY(const backend::Weight weight, prepare_matrix(backend, matrix));
             TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, in));
             TRINITY_TRY(const backend::Tensor product, backend.linear(input, weight));
             return activation_values(backend, product);
           },
           [&](const backend::LaneTolerances& lane) {
             const Rounding rounding = rounding_of(lane);
             const Values inputs = stored(x, rounding), weights = stored(matrix.values(), rounding);
             // Int8 rounds nothing of exact numbers, so what it sums is measured as in f32.
             return OpTruth{formula::linear(inputs, weights, in, rounding),
                            product_scale(inputs, weights, in, lane.int8 && !exact),
                            exact ? lane.exact_linear : lane.linear, judge_rows ? out : 0,
                            lane.bf16_order};
           }});
}

void visit_linear_case(OpCaseGroup& g, int64_t rows, int64_t in, int64_t out, bool extreme) {
  const Floats x = rows_of(g.inputs, rows, in, extreme);
  auto w = g.inputs.normal(out * in, 1 / std::sqrt(static_cast<double>(in)));
  if (out > 20)  // an output that is always zero has no scale in int8
    std::fill_n(w.begin() + g.inputs.integer(0, out - 1) * in, in, 0.0F);
  const HostMatrix matrix({out, in}, w, g.inputs.integer(0, 1) == 0 ? DType::f32 : DType::bf16);
  // A row whose one outlier meets small weights has no meaningful length in few columns.
  visit_product(g, x, matrix, rows, in, out, suffix(extreme), false, out >= 20 && !extreme);
}

void visit_linear(OpCaseGroup& g) {
  std::vector<std::pair<int64_t, int64_t>> shapes = {
      {64, 64}, {75, 132}, {141, 75}, {1, 1}, {9, 1}};
  if (g.thorough)
    shapes.insert(shapes.end(),
                  {{132, 75}, {96, 200}, {128, 64}, {64, 320}, {22, 6}, {6, 22}, {1, 9}, {257, 3}});
  for (const int64_t rows : g.row_counts())
    for (const auto& [in, out] : shapes) visit_linear_case(g, rows, in, out, false);
  for (const int64_t rows : {1, 7, 14}) visit_linear_case(g, rows, 75, 64, true);
}

/// The parts of one stacked product, one after another in the result.
void visit_linear_split(OpCaseGroup& g) {
  for (const int64_t rows : g.row_counts()) {
    const int64_t in = g.inputs.integer(2, 90);
    const std::vector<int64_t> outs = {g.inputs.integer(20, 70), 64, g.inputs.integer(20, 70)};
    const Floats x = g.inputs.normal(rows * in);
    std::vector<HostMatrix> matrices;
    matrices.reserve(outs.size());
    for (const int64_t out : outs)
      matrices.emplace_back(std::vector<int64_t>{out, in},
                            g.inputs.normal(out * in, 1 / std::sqrt(static_cast<double>(in))));
    g.visit(
        {"linear_split",
         fmt::format("[{}, {}] x matrices of {}, {} and {}", rows, in, outs[0], outs[1], outs[2]),
         [&](backend::Backend& backend) -> Result<Floats> {
           std::vector<TensorView> views;
           views.reserve(matrices.size());
           for (const HostMatrix& matrix : matrices) views.push_back(matrix.view());
           TRINITY_TRY(const backend::Weight stacked, backend.prepare_linear(views));
           TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, in));
           TRINITY_TRY(const std::vector<backend::Tensor> parts,
                       backend.linear_split(input, stacked));
           Floats all;
           for (const backend::Tensor& part : parts) {
             TRINITY_TRY(const Floats values, activation_values(backend, part));
             all.insert(all.end(), values.begin(), values.end());
           }
           return all;
         },
         [&](const backend::LaneTolerances& lane) {
           const Rounding rounding = rounding_of(lane);
           const Values inputs = stored(x, rounding);
           OpTruth truth;
           for (const HostMatrix& matrix : matrices) {
             const Values w = stored(matrix.values(), rounding);
             const Values part = formula::linear(inputs, w, in, rounding);
             const auto scale = product_scale(inputs, w, in, lane.int8);
             truth.values.insert(truth.values.end(), part.begin(), part.end());
             truth.scale.insert(truth.scale.end(), scale.begin(), scale.end());
           }
           truth.tolerance = lane.linear;
           truth.given_bits = lane.bf16_order;
           return truth;
         }});
  }
}

void visit_rms_norm(OpCaseGroup& g) {
  // Width of a norm, and how many stand in a row: whole hidden states have one, heads several.
  std::vector<std::pair<int64_t, int64_t>> shapes = {{64, 1}, {75, 1}, {1, 1},  {1024, 1},
                                                     {16, 3}, {22, 6}, {128, 2}};
  if (g.thorough) shapes.insert(shapes.end(), {{141, 1}, {32, 4}, {64, 5}});
  for (const int64_t rows : g.row_counts())
    for (const auto& shape : shapes)
      for (const bool extreme : {false, true}) {
        if (extreme && rows < 17) continue;
        const int64_t size = shape.first, heads = shape.second;
        const int64_t cols = size * heads;
        const Floats x = rows_of(g.inputs, rows, cols, extreme);
        const Floats w = g.inputs.normal(size, 0.3, 1.4);
        const float eps = g.inputs.integer(0, 1) == 0 ? 1e-6F : 1e-5F;
        const HostMatrix weight({size}, w);
        g.visit({"rms_norm",
                 fmt::format("{} rows of {} heads of {}{}", rows, heads, size, suffix(extreme)),
                 [&](backend::Backend& backend) -> Result<Floats> {
                   TRINITY_TRY(const backend::Weight prepared, backend.prepare_norm(weight.view()));
                   TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, cols));
                   TRINITY_TRY(const backend::Tensor normed,
                               backend.rms_norm(input, prepared, eps));
                   return activation_values(backend, normed);
                 },
                 [&](const backend::LaneTolerances& lane) {
                   const Rounding rounding = rounding_of(lane);
                   OpTruth truth;
                   truth.values = formula::rms_norm(stored(x, rounding), stored(w, rounding),
                                                    double{eps}, rounding);
                   truth.scale = magnitudes(truth.values);
                   truth.tolerance = lane.rms_norm;
                   truth.cols = size > 1 && !extreme ? cols : 0;
                   truth.given_bits = lane.bf16_order;
                   return truth;
                 }});
      }
}

/// Below gates of −87 the exponential leaves the range of f32; where exactly a lane lets silu end
/// is its own affair, as long as it is next to nothing beside the gate.
void allow_flat_tail(std::vector<double>& scale, const Floats& gate, const Floats& up) {
  for (size_t i = 0; i < scale.size(); ++i)
    if (gate[i] < -80) scale[i] += 1e-25 * std::abs(double{gate[i]} * double{up[i]});
}

void visit_elementwise(OpCaseGroup& g) {
  for (const int64_t rows : g.row_counts())
    for (const int64_t cols : {1, 2, 64, 75, 141})
      for (const bool extreme : {false, true}) {
        const Floats a = rows_of(g.inputs, rows, cols, extreme);
        const Floats b = rows_of(g.inputs, rows, cols, extreme);
        const std::string detail = fmt::format("[{}, {}]{}", rows, cols, suffix(extreme));
        const auto apply = [&](backend::Backend& backend, auto operation) -> Result<Floats> {
          TRINITY_TRY(const backend::Tensor x, backend.upload(a, rows, cols));
          TRINITY_TRY(const backend::Tensor y, backend.upload(b, rows, cols));
          TRINITY_TRY(const backend::Tensor result, (backend.*operation)(x, y));
          return activation_values(backend, result);
        };
        g.visit({"add", detail,
                 [&](backend::Backend& backend) { return apply(backend, &backend::Backend::add); },
                 [&](const backend::LaneTolerances& lane) {
                   const Rounding rounding = rounding_of(lane);
                   const Values x = stored(a, rounding), y = stored(b, rounding);
                   // The length of a row may cancel, so only elements are judged.
                   return OpTruth{formula::add(x, y, rounding),
                                  formula::add(magnitudes(x), magnitudes(y), Rounding::none),
                                  lane.add, 0, lane.bf16_order};
                 }});
        g.visit(
            {"silu_mul", detail,
             [&](backend::Backend& backend) { return apply(backend, &backend::Backend::silu_mul); },
             [&](const backend::LaneTolerances& lane) {
               const Rounding rounding = rounding_of(lane);
               OpTruth truth;
               truth.values = formula::silu_mul(stored(a, rounding), stored(b, rounding), rounding);
               truth.scale = magnitudes(truth.values);
               allow_flat_tail(truth.scale, a, b);
               truth.tolerance = lane.silu_mul;
               truth.cols = extreme ? 0 : cols;
               truth.given_bits = lane.bf16_order;
               return truth;
             }});
      }
}

void visit_select_rows(OpCaseGroup& g) {
  for (const int64_t cols : {1, 75, 64})
    for (const int64_t count : {1, 2, 140}) {
      const int64_t rows = 37;
      const Floats x = g.inputs.extreme_rows(rows, cols);
      std::vector<int64_t> chosen = {rows - 1, 0, 5, 5, 4};
      while (static_cast<int64_t>(chosen.size()) < count)
        chosen.push_back(g.inputs.integer(0, rows - 1));
      chosen.resize(static_cast<size_t>(count));
      g.visit({"select_rows", fmt::format("{} of {} rows of {}", count, rows, cols),
               [&](backend::Backend& backend) -> Result<Floats> {
                 TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, cols));
                 TRINITY_TRY(const backend::Tensor selected, backend.select_rows(input, chosen));
                 return activation_values(backend, selected);
               },
               [&](const backend::LaneTolerances& lane) {
                 const Values all = stored(x, rounding_of(lane));
                 OpTruth truth;
                 for (const int64_t row : chosen)
                   truth.values.insert(truth.values.end(), all.begin() + row * cols,
                                       all.begin() + (row + 1) * cols);
                 truth.scale = magnitudes(truth.values);
                 truth.given_bits = true;
                 return truth;
               }});
    }
}

}  // namespace

void visit_exact_cases(OpCaseGroup& g) {
  for (const int64_t rows : {1, 4, 33})
    for (const auto& [in, out] : {std::pair<int64_t, int64_t>{64, 64}, {141, 75}}) {
      const Floats x = g.inputs.exact_rows(rows, in);
      const HostMatrix matrix({out, in}, g.inputs.exact_rows(out, in));
      visit_product(g, x, matrix, rows, in, out, ", exact values", true, true);
    }
}

void visit_row_cases(OpCaseGroup& group) {
  visit_upload(group);
  visit_linear(group);
  visit_linear_split(group);
  visit_rms_norm(group);
  visit_elementwise(group);
  visit_select_rows(group);
}

}  // namespace trinity::prove
