#include "backend_cpu/lane_probe.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <vector>

#include "backend/exact_rows.h"
#include "base/try.h"
#include "tensor/bf16.h"

namespace trinity::cpu {
namespace {

/// Numbers of many sizes, some subnormal, from whole-number arithmetic alone.
class ProbeNumbers {
 public:
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const auto whole = static_cast<float>(static_cast<int32_t>(state_ >> 40) - (1 << 23));
    const int shrink = (state_ >> 33) % 64 == 0 ? 150 : 23;
    return std::ldexp(whole, -shrink);
  }
  std::vector<float> many(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = next();
    return values;
  }
  std::vector<uint16_t> weights(int64_t count) {
    std::vector<uint16_t> values(static_cast<size_t>(count));
    for (uint16_t& value : values) value = bf16_from_f32(next() * 0.125f);
    return values;
  }

 private:
  uint64_t state_ = 20260701;
};

TensorView view_of(const std::vector<uint16_t>& weights, std::vector<int64_t> shape) {
  return {DType::bf16, std::move(shape), std::as_bytes(std::span(weights))};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Result<bool> product_holds(backend::Backend& backend, CpuLane lane, ProbeNumbers& numbers) {
  constexpr int64_t rows = 7, out = 37, in = 301;
  const auto x = numbers.many(rows * in);
  const auto stored = numbers.weights(out * in);
  std::vector<float> w;
  for (const uint16_t value : stored) w.push_back(f32_from_bf16(value));
  const TensorView view = view_of(stored, {out, in});
  TRINITY_TRY(const backend::Weight weight, backend.prepare_linear({&view, 1}));
  TRINITY_TRY(const backend::Tensor input, backend.upload(x, rows, in));
  TRINITY_TRY(const backend::Tensor y, backend.linear(input, weight));
  TRINITY_TRY(const std::vector<float> got, backend.download(y));
  std::vector<float> want;
  std::vector<int8_t> a(in), b(in);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < out; ++c) {
      const float* row = x.data() + r * in;
      const float* column = w.data() + c * in;
      if (lane == CpuLane::f32) {
        want.push_back(backend::exact::product(row, column, in));
        continue;
      }
      const float row_scale = backend::exact::int8_row(row, in, a.data());
      const float column_scale = backend::exact::int8_row(column, in, b.data());
      want.push_back(backend::exact::int8_product(a.data(), row_scale, b.data(), column_scale, in));
    }
  return same_bits(got, want);
}

Result<bool> rows_hold(backend::Backend& backend, ProbeNumbers& numbers) {
  constexpr int64_t cols = 77;
  const auto x = numbers.many(cols), u = numbers.many(cols);
  const auto stored = numbers.weights(cols);
  std::vector<float> w, norm(cols), silu;
  for (const uint16_t value : stored) w.push_back(f32_from_bf16(value));
  backend::exact::rms_norm_row(x.data(), w.data(), cols, 1e-6f, norm.data());
  for (size_t i = 0; i < x.size(); ++i) silu.push_back(backend::exact::silu_mul(x[i] * 60, u[i]));
  TRINITY_TRY(const backend::Weight weight, backend.prepare_norm(view_of(stored, {cols})));
  TRINITY_TRY(const backend::Tensor input, backend.upload(x, 1, cols));
  TRINITY_TRY(const backend::Tensor normed, backend.rms_norm(input, weight, 1e-6f));
  TRINITY_TRY(const std::vector<float> got_norm, backend.download(normed));
  std::vector<float> gate = x;
  for (float& z : gate) z *= 60;
  TRINITY_TRY(const backend::Tensor z, backend.upload(gate, 1, cols));
  TRINITY_TRY(const backend::Tensor up, backend.upload(u, 1, cols));
  TRINITY_TRY(const backend::Tensor product, backend.silu_mul(z, up));
  TRINITY_TRY(const std::vector<float> got_silu, backend.download(product));
  return same_bits(got_norm, norm) && same_bits(got_silu, silu);
}

Result<bool> attention_holds(backend::Backend& backend, ProbeNumbers& numbers) {
  constexpr int64_t tokens = 70, dim = 22;
  const auto k = numbers.many(tokens * dim), v = numbers.many(tokens * dim);
  const auto q = numbers.many(tokens * dim);
  TRINITY_TRY(const auto kv, backend.make_kv_cache({1, 1, dim}));
  const backend::SequenceSlice slice{0, tokens, 0, kv.get()};
  TRINITY_TRY(const backend::Tensor keys, backend.upload(k, tokens, dim));
  TRINITY_TRY(const backend::Tensor values, backend.upload(v, tokens, dim));
  TRINITY_TRY(const backend::Tensor queries, backend.upload(q, tokens, dim));
  TRINITY_CHECK(backend.append_kv(keys, values, {&slice, 1}, 0));
  TRINITY_TRY(const backend::Tensor y, backend.attention(queries, {&slice, 1}, 0, {1, 1, dim}));
  TRINITY_TRY(const std::vector<float> got, backend.download(y));
  std::vector<float> want(got.size());
  for (int64_t t = 0; t < tokens; ++t)
    backend::exact::attend(q.data() + t * dim, k.data(), v.data(), dim, t + 1, dim,
                           want.data() + t * dim);
  return same_bits(got, want);
}

/// What the comparisons cannot see, because both sides would be wrong alike: whether this thread
/// keeps subnormal numbers and rounds to nearest even. A host program may have set it otherwise.
bool rounds_as_defined() {
  volatile float smallest_normal = 0x1p-126f, half = 0.5f, one = 1.0f;
  volatile float tie_down = 0x1p-24f, tie_up = 0x1.8p-23f;
  const float subnormal = smallest_normal * half;
  const float down = one + tie_down, up = one + tie_up;
  return std::bit_cast<uint32_t>(subnormal) == 0x00400000u && down == 1.0f && up == 0x1.000004p+0f;
}

Result<std::string> probe_exact(CpuLane lane) {
  const auto backend = make_cpu_backend(lane, 1);
  ProbeNumbers numbers;
  std::string broken;
  const auto note = [&](bool holds, const char* what) {
    if (!holds) broken += (broken.empty() ? "" : ", ") + std::string(what);
  };
  note(rounds_as_defined(),
       "rounding (the processor flushes subnormal numbers or rounds otherwise)");
  TRINITY_TRY(const bool products, product_holds(*backend, lane, numbers));
  note(products, "matrix products");
  TRINITY_TRY(const bool rows, rows_hold(*backend, numbers));
  note(rows, "norms or activations");
  TRINITY_TRY(const bool attention, attention_holds(*backend, numbers));
  note(attention, "attention");
  if (broken.empty()) return broken;
  return fmt::format("{} does not compute the published bits on this processor: {}",
                     cpu_lane_id(lane), broken);
}

/// Rows alone against the same rows in company.
Result<std::string> probe_library(CpuLane lane) {
  ProbeNumbers numbers;
  for (const auto& shape : {std::pair<int64_t, int64_t>{192, 256}, {155, 69}}) {
    const int64_t out = shape.first, in = shape.second;
    constexpr int64_t most = 130;
    const auto x = numbers.many(most * in);
    const auto stored = numbers.weights(out * in);
    const TensorView view = view_of(stored, {out, in});
    std::vector<float> alone;
    for (const int threads : {1, 2}) {
      const auto backend = make_cpu_backend(lane, threads);
      TRINITY_TRY(const backend::Weight weight, backend->prepare_linear({&view, 1}));
      const auto multiply = [&](int64_t rows) -> Result<std::vector<float>> {
        const std::span part(x.data(), static_cast<size_t>(rows * in));
        TRINITY_TRY(const backend::Tensor input, backend->upload(part, rows, in));
        TRINITY_TRY(const backend::Tensor y, backend->linear(input, weight));
        return backend->download(y);
      };
      for (const int64_t rows : {1, 2, 3, 4, 7, 8, 16, 17, 25, 32, 33, 64, 100, 130}) {
        TRINITY_TRY(std::vector<float> y, multiply(rows));
        y.resize(static_cast<size_t>(out));
        if (alone.empty()) alone = y;
        if (!same_bits(y, alone))
          return fmt::format(
              "{} changes the bits of a row with the rows beside it on this processor (first at {} "
              "rows by a [{}, {}] weight, {} threads), so that it promises decisions only",
              cpu_lane_id(lane), rows, out, in, threads);
      }
    }
  }
  return std::string();
}

}  // namespace

std::optional<std::string> probe_lane(CpuLane lane) {
  const Result<std::string> broken =
      lane == CpuLane::bf16 ? probe_library(lane) : probe_exact(lane);
  if (!broken)
    return "the probe of " + std::string(cpu_lane_id(lane)) + " failed: " + broken.error().message;
  if (broken->empty()) return std::nullopt;
  return *broken;
}

}  // namespace trinity::cpu
