// The rounding order of PyTorch's eager bf16 path, written a second time and differently.
//
// Each operation works on whole rows of doubles and rounds to bf16 where that path does. The
// reference's bf16 lane must agree bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tensor/bf16.h"

namespace trinity::testing::bf16_order {

using Row = std::vector<double>;

inline double round(double value) {
  return f32_from_bf16(bf16_from_f32(static_cast<float>(value)));
}

inline Row round(Row row) {
  for (double& value : row) value = round(value);
  return row;
}

inline double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// f32 inside, rounded, then the weight, rounded again.
inline Row rms_norm(const Row& x, const Row& weight, double eps) {
  const double scale = 1 / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + eps);
  Row out;
  for (size_t i = 0; i < x.size(); ++i) out.push_back(round(round(x[i] * scale) * weight[i]));
  return out;
}

/// x · cos and rotate_half(x) · sin are rounded each, then their sum.
inline Row rope(const Row& x, int64_t position, double theta) {
  const size_t half = x.size() / 2;
  Row out(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double exponent = -2.0 * static_cast<double>(i % half) / static_cast<double>(x.size());
    const float angle =
        static_cast<float>(position) * static_cast<float>(std::pow(theta, exponent));
    const double other = i < half ? -x[i + half] : x[i - half];
    out[i] = round(round(x[i] * round(std::cos(double{angle}))) +
                   round(other * round(std::sin(double{angle}))));
  }
  return out;
}

inline double silu(double z) { return round(z / (1 + std::exp(-z))); }

/// One query over the keys and values it sees.
inline Row attention(const Row& q, const std::vector<Row>& keys, const std::vector<Row>& values) {
  Row scores;
  for (const Row& key : keys)
    scores.push_back(round(round(dot(q, key)) / std::sqrt(static_cast<double>(q.size()))));
  const double highest = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (double& score : scores) total += score = std::exp(score - highest);
  for (double& score : scores) score = round(score / total);
  Row out(q.size(), 0.0);
  for (size_t t = 0; t < values.size(); ++t)
    for (size_t d = 0; d < q.size(); ++d) out[d] += scores[t] * values[t][d];
  return round(out);
}

}  // namespace trinity::testing::bf16_order
