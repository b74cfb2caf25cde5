// Row-wise operations of two backends: embedding, products, norms, sums, activation, row selection.
#include <fmt/format.h>

#include <algorithm>

#include "backend/op_checks.h"

namespace trinity::testing {
namespace {

std::vector<float> magnitudes(std::vector<float> values) {
  for (float& value : values) value = std::abs(value);
  return values;
}

std::vector<double> doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

std::vector<double> magnitude_scale(const std::vector<float>& values) {
  return doubles(magnitudes(values));
}

/// max|row| of every row.
std::vector<double> row_maxima(const std::vector<float>& values, int64_t rows, int64_t cols) {
  std::vector<double> maxima(static_cast<size_t>(rows), 0.0);
  for (int64_t i = 0; i < rows * cols; ++i)
    maxima[static_cast<size_t>(i / cols)] = std::max(
        maxima[static_cast<size_t>(i / cols)], std::abs(double{values[static_cast<size_t>(i)]}));
  return maxima;
}

/// Worst error of x · Wᵀ when each row of x and of W is rounded to steps of its max / 127:
/// Σ (|w|·δx + |x|·δw + δx·δw) with δ half a step, and a little for the f32 scales.
std::vector<double> int8_linear_scale(const std::vector<float>& x, const std::vector<float>& w,
                                      int64_t rows, int64_t in, int64_t out) {
  const auto x_max = row_maxima(x, rows, in), w_max = row_maxima(w, out, in);
  const auto row_sums = [in](const std::vector<float>& values, int64_t count) {
    std::vector<double> sums(static_cast<size_t>(count), 0.0);
    for (int64_t i = 0; i < count * in; ++i)
      sums[static_cast<size_t>(i / in)] += std::abs(double{values[static_cast<size_t>(i)]});
    return sums;
  };
  const auto x_sum = row_sums(x, rows), w_sum = row_sums(w, out);
  std::vector<double> scale;
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r)
    for (size_t c = 0; c < static_cast<size_t>(out); ++c) {
      const double dx = x_max[r] / 254, dw = w_max[c] / 254;
      scale.push_back((w_sum[c] * dx + x_sum[r] * dw + static_cast<double>(in) * dx * dw) +
                      1e-6 * x_sum[r] * w_max[c]);
    }
  return scale;
}

Weight linear_weight(Backend& backend, const OwnedTensor& matrix) {
  const TensorView view = matrix.view();
  return take(backend.prepare_linear({&view, 1}));
}

Weight norm_weight(Backend& backend, const OwnedTensor& values) {
  return take(backend.prepare_norm(values.view()));
}

void check_linear_case(Comparison& c, int64_t rows, int64_t in, int64_t out, bool exact) {
  const auto x = exact ? c.inputs.exact_rows(rows, in) : c.inputs.awkward_rows(rows, in);
  auto w = exact ? c.inputs.exact_rows(out, in)
                 : c.inputs.normal(out * in, 1.0f / std::sqrt(static_cast<float>(in)));
  if (!exact && out > 20)  // an output that is always zero has no scale in int8
    std::fill_n(w.begin() + c.inputs.integer(0, out - 1) * in, in, 0.0f);
  const DType dtype = exact || c.inputs.integer(0, 1) == 0 ? DType::f32 : DType::bf16;
  const OwnedTensor matrix({out, in}, w, dtype);
  const OwnedTensor positive({out, in}, magnitudes(matrix.values()));
  const Weight weight = linear_weight(c.candidate, matrix);
  const auto got = values_of(
      c.candidate, take(c.candidate.linear(take(c.candidate.upload(x, rows, in)), weight)));
  const Tensor oracle_x = take(c.oracle.upload(x, rows, in));
  const auto want =
      take(c.oracle.download(take(c.oracle.linear(oracle_x, linear_weight(c.oracle, matrix)))));
  const auto scale = c.tolerances.int8 && !exact
                         ? int8_linear_scale(x, matrix.values(), rows, in, out)
                         : doubles(take(c.oracle.download(
                               take(c.oracle.linear(take(c.oracle.upload(magnitudes(x), rows, in)),
                                                    linear_weight(c.oracle, positive))))));
  // A row whose one outlier meets small weights has no meaningful length in one or two columns.
  const bool check_rows = out >= 20;
  c.check("linear", fmt::format("[{}, {}] x [{}, {}]{}", rows, in, out, in, exact ? " exact" : ""),
          want, got, scale, out, exact ? c.tolerances.exact_linear : c.tolerances.linear,
          check_rows);
}

void check_linear(Comparison& c) {
  std::vector<std::pair<int64_t, int64_t>> shapes = {{64, 64},  {75, 132}, {141, 75},
                                                     {132, 75}, {96, 200}, {128, 64}};
  if (c.effort == Effort::thorough) {
    shapes.insert(shapes.end(), {{64, 320}, {22, 6}, {6, 22}, {1, 1}, {1, 9}, {9, 1}, {257, 3}});
  }
  for (const int64_t rows : c.row_counts())
    for (const auto& [in, out] : shapes) check_linear_case(c, rows, in, out, false);
  for (const int64_t rows : {1, 4, 33}) {
    check_linear_case(c, rows, 64, 64, true);
    check_linear_case(c, rows, 141, 75, true);
  }
}

/// One product over stacked matrices gives the parts' own products, under every use of the parts. A
/// library may sum in another order when the product is wider.
void check_linear_split(Comparison& c) {
  for (const int64_t rows : c.row_counts()) {
    const int64_t in = c.inputs.integer(1, 90);
    const std::vector<int64_t> outs = {c.inputs.integer(1, 70), 64, c.inputs.integer(1, 70)};
    const auto x = c.inputs.normal(rows * in);
    std::vector<OwnedTensor> matrices;
    std::vector<TensorView> views;
    for (const int64_t out : outs)
      matrices.emplace_back(std::vector<int64_t>{out, in}, c.inputs.normal(out * in));
    for (const OwnedTensor& matrix : matrices) views.push_back(matrix.view());
    const Tensor input = take(c.candidate.upload(x, rows, in));
    const Weight stacked = take(c.candidate.prepare_linear(views));  // outlives its products
    const auto parts = take(c.candidate.linear_split(input, stacked));
    const std::string detail = fmt::format("[{}, {}] x {} matrices", rows, in, outs.size());
    if (parts.size() != outs.size()) {
      c.fail("linear_split", detail + ": wrong number of parts");
      continue;
    }
    for (size_t i = 0; i < outs.size(); ++i) {
      const Weight alone = linear_weight(c.candidate, matrices[i]);
      const auto own = values_of(c.candidate, take(c.candidate.linear(input, alone)));
      const OwnedTensor positive({outs[i], in}, magnitudes(matrices[i].values()));
      const Tensor summed = take(c.oracle.linear(take(c.oracle.upload(magnitudes(x), rows, in)),
                                                 linear_weight(c.oracle, positive)));
      c.check("linear_split", detail, own, values_of(c.candidate, parts[i]),
              doubles(take(c.oracle.download(summed))), outs[i], {1e-6, 1e-6}, false);
    }
  }
}

void check_embed(Comparison& c) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const int64_t hidden : {1, 64, 75}) {
      const int64_t vocab = 41;
      const OwnedTensor table({vocab, hidden}, c.inputs.normal(vocab * hidden), dtype);
      auto ids = c.inputs.ids(19, vocab);
      ids.insert(ids.end(), {0, static_cast<int32_t>(vocab - 1)});
      const auto read = [&](Backend& backend) {
        return take(backend.download(
            take(backend.embed(take(backend.prepare_embedding(table.view())), ids))));
      };
      const auto want = read(c.oracle);
      c.check("embed", fmt::format("{} ids of width {}", ids.size(), hidden), want,
              read(c.candidate), magnitude_scale(want), hidden,
              {c.tolerances.upload, c.tolerances.upload});
    }
}

void check_rms_norm(Comparison& c) {
  // Width of a head, heads in a row: whole hidden states have one.
  const std::vector<std::pair<int64_t, int64_t>> shapes = {
      {64, 1}, {75, 1}, {1, 1}, {141, 1}, {1024, 1}, {16, 3}, {22, 6}, {32, 4}, {64, 5}, {128, 2}};
  for (const int64_t rows : c.row_counts())
    for (const auto& [size, heads] : shapes) {
      const int64_t cols = size * heads;
      const auto x = c.inputs.awkward_rows(rows, cols);
      const float eps = c.inputs.integer(0, 1) == 0 ? 1e-6f : 1e-5f;
      const OwnedTensor w({size}, c.inputs.normal(size, 0.3f, 1.4f));
      const auto apply = [&](Backend& backend) {
        return values_of(backend, take(backend.rms_norm(take(backend.upload(x, rows, cols)),
                                                        norm_weight(backend, w), eps)));
      };
      const auto want = apply(c.oracle);
      c.check("rms_norm", fmt::format("{} rows of {} heads of {}", rows, heads, size), want,
              apply(c.candidate), magnitude_scale(want), cols, c.tolerances.rms_norm, size > 1);
    }
}

void check_elementwise(Comparison& c) {
  for (const int64_t rows : c.row_counts())
    for (const int64_t cols : {1, 2, 64, 75, 141}) {
      const auto a = c.inputs.awkward_rows(rows, cols), b = c.inputs.awkward_rows(rows, cols);
      const std::string detail = fmt::format("[{}, {}]", rows, cols);
      const auto apply = [&](Backend& backend, auto operation) {
        return values_of(backend, take((backend.*operation)(take(backend.upload(a, rows, cols)),
                                                            take(backend.upload(b, rows, cols)))));
      };
      std::vector<double> sizes = magnitude_scale(a);
      for (size_t i = 0; i < b.size(); ++i) sizes[i] += std::abs(double{b[i]});
      // The root of summed squares may cancel, so rows are held to the element limit only.
      c.check("add", detail, apply(c.oracle, &Backend::add), apply(c.candidate, &Backend::add),
              sizes, cols, c.tolerances.add, false);

      const auto want = apply(c.oracle, &Backend::silu_mul);
      std::vector<double> scale = magnitude_scale(want);
      // A rounded gate z errs by |z|·u, and for z << 0 so does the logarithm of silu(z).
      const bool rounded = c.tolerances.upload > 0;
      for (size_t i = 0; i < scale.size() && rounded; ++i) scale[i] *= 1 + std::abs(double{a[i]});
      c.check("silu_mul", detail, want, apply(c.candidate, &Backend::silu_mul), scale, cols,
              c.tolerances.silu_mul, !rounded);
    }
}

void check_select_rows(Comparison& c) {
  for (const int64_t cols : {1, 75, 64}) {
    const int64_t rows = 37;
    const auto x = c.inputs.awkward_rows(rows, cols);
    std::vector<int64_t> chosen = {0, rows - 1, 5, 5, 4};
    for (int i = 0; i < 140; ++i) chosen.push_back(c.inputs.integer(0, rows - 1));
    const auto apply = [&](Backend& backend) {
      return values_of(backend,
                       take(backend.select_rows(take(backend.upload(x, rows, cols)), chosen)));
    };
    const auto want = apply(c.oracle);
    c.check("select_rows", fmt::format("{} of {} rows of {}", chosen.size(), rows, cols), want,
            apply(c.candidate), magnitude_scale(want), cols,
            {c.tolerances.upload, c.tolerances.upload});
  }
}

}  // namespace

void check_row_operations(Comparison& comparison) {
  check_embed(comparison);
  check_linear(comparison);
  check_linear_split(comparison);
  check_rms_norm(comparison);
  check_elementwise(comparison);
  check_select_rows(comparison);
}

}  // namespace trinity::testing
