// What the tests of adaptation share: lanes that can decompose, random matrices, products in f64.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapt/svf.h"
#include "backend/backend.h"
#include "backend_registry/registry.h"
#include "tensor/float_cast.h"
#include "tensor/safetensors.h"
#include "tensor/tensor.h"

namespace trinity::testing {

template <typename Value>
Value must(Result<Value> result) {
  if (!result) throw std::runtime_error(result.error().tag + ": " + result.error().message);
  return std::move(*result);
}

inline void must(const Status& status) {
  if (!status) throw std::runtime_error(status.error().tag + ": " + status.error().message);
}

inline std::string tag_of(const Status& status) { return status ? "ok" : status.error().tag; }
template <typename Value>
std::string tag_of(const Result<Value>& result) {
  return result ? "ok" : result.error().tag;
}

/// One backend a lane for the whole process.
inline backend::Backend& lane(const std::string& id) {
  static std::map<std::string, std::unique_ptr<backend::Backend>> made;
  auto& backend = made[id];
  if (!backend) backend = must(backend::create_backend(id, {1}));
  return *backend;
}

inline backend::DenseAlgebra& algebra_of(const std::string& id) {
  backend::DenseAlgebra* algebra = lane(id).dense_algebra();
  if (algebra == nullptr) throw std::runtime_error(id + " has no dense algebra");
  return *algebra;
}

/// A matrix of f32 with its view.
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<float> values;
  TensorView view() const { return {DType::f32, {rows, cols}, std::as_bytes(std::span(values))}; }
  float& at(int64_t r, int64_t c) { return values[static_cast<size_t>(r * cols + c)]; }
};

inline Matrix random_matrix(int64_t rows, int64_t cols, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Matrix out{rows, cols, std::vector<float>(static_cast<size_t>(rows * cols))};
  for (float& value : out.values) value = normal(generator);
  return out;
}

inline std::vector<float> random_offsets(int64_t k, uint32_t seed, float deviation = 0.1F) {
  std::mt19937 generator(seed ^ 0xABCDU);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> out(static_cast<size_t>(k));
  for (float& value : out) value = normal(generator);
  return out;
}

inline std::vector<double> doubles_of(const SafetensorsFile& file, const std::string& name) {
  const TensorView view = must(file.tensor(name));
  if (view.dtype != DType::f64) throw std::runtime_error(name + " is no F64");
  std::vector<double> out(view.bytes.size() / sizeof(double));
  std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
  return out;
}

inline std::vector<float> floats_of(const SafetensorsFile& file, const std::string& name) {
  return must(to_f32(must(file.tensor(name))));
}

template <typename Number>
double largest_of(const std::vector<Number>& values) {
  double largest = 0;
  for (const Number value : values)
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

template <typename A, typename B>
double largest_difference(const std::vector<A>& a, const std::vector<B>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

/// `matrix` times the factor of its smaller side, in the matrix's own orientation, as `dtype`.
inline std::vector<std::byte> product_bytes(backend::DenseAlgebra& algebra,
                                            const TensorView& matrix,
                                            std::span<const double> factor, DType dtype) {
  const adapt::TallMatrix tall = must(adapt::TallMatrix::of(matrix));
  const backend::Weight prepared = must(algebra.prepare_factor(factor, tall.columns()));
  const auto size = static_cast<size_t>(dtype_size(dtype));
  std::vector<std::byte> out(static_cast<size_t>(tall.rows() * tall.columns()) * size);
  must(algebra.multiply_rows(tall.view(), prepared, dtype, out));
  if (!tall.transposed()) return out;
  std::vector<std::byte> turned(out.size());
  transpose_elements(out.data(), tall.rows(), tall.columns(), size, turned.data());
  return turned;
}

inline std::vector<float> product(backend::DenseAlgebra& algebra, const TensorView& matrix,
                                  std::span<const double> factor) {
  const auto bytes = product_bytes(algebra, matrix, factor, DType::f32);
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

/// The whole way: decompose, scale, factor, multiply.
inline std::vector<float> adapt(backend::DenseAlgebra& algebra, const TensorView& matrix,
                                std::span<const float> offsets,
                                adapt::SvdComputeType type = adapt::SvdComputeType::f32) {
  const adapt::TallMatrix tall = must(adapt::TallMatrix::of(matrix));
  const adapt::Spectrum spectrum = must(adapt::decompose(algebra, tall, type));
  const adapt::Scaling scaling = must(adapt::scale_spectrum(spectrum, offsets));
  return product(algebra, matrix, must(adapt::projector(algebra, spectrum, scaling)));
}

/// U·diag(S·(1+δ))·Vᵀ·norm by the letter, from given factors: U [m, k], S [k], V [n, k].
inline std::vector<double> rebuild(const std::vector<double>& u, const std::vector<double>& s,
                                   const std::vector<double>& v, std::span<const float> offsets,
                                   int64_t m, int64_t n) {
  const auto k = static_cast<int64_t>(s.size());
  double before = 0, after = 0;
  std::vector<double> scaled;
  for (size_t i = 0; i < s.size(); ++i) {
    scaled.push_back(s[i] * (1 + static_cast<double>(offsets[i])));
    before += s[i];
    after += scaled.back();
  }
  std::vector<double> out(static_cast<size_t>(m * n));
  for (int64_t r = 0; r < m; ++r)
    for (int64_t c = 0; c < n; ++c) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += u[static_cast<size_t>(r * k + i)] * scaled[static_cast<size_t>(i)] *
               v[static_cast<size_t>(c * k + i)];
      out[static_cast<size_t>(r * n + c)] = sum * before / after;
    }
  return out;
}

}  // namespace trinity::testing
