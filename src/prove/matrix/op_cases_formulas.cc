#include "prove/matrix/op_cases_formulas.h"

#include <algorithm>
#include <cmath>

#include "tensor/bf16.h"

namespace trinity::prove::formula {

double stored(double value, Rounding rounding) {
  if (rounding == Rounding::none) return value;
  return f32_from_bf16(bf16_from_f32(static_cast<float>(value)));
}

Values stored(std::span<const float> values, Rounding rounding) {
  Values out(values.begin(), values.end());
  for (double& value : out) value = stored(value, rounding);
  return out;
}

Values linear(const Values& x, const Values& w, int64_t in, Rounding rounding) {
  const auto width = static_cast<size_t>(in);
  Values out;
  out.reserve(x.size() / width * (w.size() / width));
  for (auto row = x.begin(); row != x.end(); row += in)
    for (auto column = w.begin(); column != w.end(); column += in) {
      double sum = 0;
      for (size_t i = 0; i < width; ++i)
        sum += row[static_cast<std::ptrdiff_t>(i)] * column[static_cast<std::ptrdiff_t>(i)];
      out.push_back(stored(sum, rounding));
    }
  return out;
}

Values rms_norm(const Values& x, const Values& w, double eps, Rounding rounding) {
  Values out;
  out.reserve(x.size());
  for (size_t begin = 0; begin < x.size(); begin += w.size()) {
    double squares = 0;
    for (size_t i = 0; i < w.size(); ++i) squares += x[begin + i] * x[begin + i];
    const double factor = 1 / std::sqrt(squares / static_cast<double>(w.size()) + eps);
    // The normalised value is stored before the weight multiplies it.
    for (size_t i = 0; i < w.size(); ++i)
      out.push_back(stored(stored(x[begin + i] * factor, rounding) * w[i], rounding));
  }
  return out;
}

Values rope(const Values& x, std::span<const int64_t> positions, int64_t head_dim, double theta,
            Rounding rounding) {
  const auto dim = static_cast<size_t>(head_dim), half = dim / 2;
  const size_t cols = x.size() / positions.size();
  Values out(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t d = i % cols % dim, pair = d % half;
    // The angle is formed in f32, as every implementation of the family does.
    const auto frequency = static_cast<float>(
        std::pow(theta, -2 * static_cast<double>(pair) / static_cast<double>(head_dim)));
    const float angle = static_cast<float>(positions[i / cols]) * frequency;
    const double partner = d < half ? -x[i + half] : x[i - half];
    const double turned = stored(x[i] * stored(std::cos(double{angle}), rounding), rounding);
    const double crossed = stored(partner * stored(std::sin(double{angle}), rounding), rounding);
    out[i] = stored(turned + crossed, rounding);
  }
  return out;
}

Values add(const Values& a, const Values& b, Rounding rounding) {
  Values out;
  out.reserve(a.size());
  for (size_t i = 0; i < a.size(); ++i) out.push_back(stored(a[i] + b[i], rounding));
  return out;
}

Values silu_mul(const Values& gate, const Values& up, Rounding rounding) {
  Values out;
  out.reserve(gate.size());
  for (size_t i = 0; i < gate.size(); ++i)
    out.push_back(stored(stored(gate[i] / (1 + std::exp(-gate[i])), rounding) * up[i], rounding));
  return out;
}

Values attention(const Values& q, const Values& k, const Values& v,
                 const backend::AttentionShape& shape, Rounding rounding) {
  const auto dim = static_cast<size_t>(shape.head_dim);
  const auto heads = static_cast<size_t>(shape.heads),
             kv_heads = static_cast<size_t>(shape.kv_heads);
  const size_t width = kv_heads * dim, tokens = k.size() / width;
  const size_t queries = q.size() / (heads * dim);
  Values out;
  out.reserve(q.size());
  for (size_t r = 0; r < queries; ++r)
    for (size_t head = 0; head < heads; ++head) {
      const size_t seen = tokens - queries + r + 1, kv = head / (heads / kv_heads) * dim;
      const double* query = q.data() + (r * heads + head) * dim;
      Values weights(seen);
      for (size_t t = 0; t < seen; ++t) {
        double dot = 0;
        for (size_t d = 0; d < dim; ++d) dot += query[d] * k[t * width + kv + d];
        weights[t] = stored(stored(dot, rounding) / std::sqrt(static_cast<double>(dim)), rounding);
      }
      const double highest = *std::max_element(weights.begin(), weights.end());
      double total = 0;
      for (double& weight : weights) total += weight = std::exp(weight - highest);
      for (double& weight : weights) weight = stored(weight / total, rounding);
      for (size_t d = 0; d < dim; ++d) {
        double sum = 0;
        for (size_t t = 0; t < seen; ++t) sum += weights[t] * v[t * width + kv + d];
        out.push_back(stored(sum, rounding));
      }
    }
  return out;
}

}  // namespace trinity::prove::formula
