// Whether a row's bits depend on that row alone.
//
// The rows of one fixed matrix are computed one by one on one thread; then in batches of other
// sizes, beginning at other places, on other numbers of threads. Every row must keep its bits, or
// what its lane is held to on this machine (backend/held_to.h).
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/held_to.h"
#include "backend/op_inputs.h"
#include "backend_registry/registry.h"

namespace trinity::testing {

/// Lanes that claim bits.
inline std::vector<std::string> bit_lanes() {
  std::vector<std::string> ids;
  for (const backend::BackendEntry& entry : backend::backend_registry())
    if (backend::promises_bits(entry.exactness)) ids.push_back(entry.id);
  return ids;
}

/// One backend for each number of threads, the single-threaded first; empty where the lane cannot
/// run.
inline std::vector<std::unique_ptr<backend::Backend>> backends_with_threads(
    const std::string& lane) {
  std::vector<std::unique_ptr<backend::Backend>> backends;
  for (const int threads : {1, 2, 4}) {
    auto created = backend::create_backend(lane, {threads});
    if (!created) return {};
    backends.push_back(std::move(*created));
  }
  return backends;
}

struct Batch {
  int64_t begin;  // first row of the fixed matrix
  int64_t rows;
};

/// Values of the given rows of the fixed matrix, computed together on a backend.
using BatchFunction =
    std::function<std::vector<float>(backend::Backend& backend, const Batch& batch)>;

/// Compares all batches with the rows computed alone. `cols` is the width of the result.
inline void expect_same_rows(const std::string& lane,
                             const std::vector<std::unique_ptr<backend::Backend>>& backends,
                             int64_t rows, int64_t cols, const std::vector<Batch>& batches,
                             const BatchFunction& compute) {
  const bool bits = held_to_bits(lane);
  const auto width = static_cast<size_t>(cols);
  std::vector<float> alone;
  for (int64_t r = 0; r < rows; ++r) {
    const auto row = compute(*backends.front(), {r, 1});
    ASSERT_EQ(static_cast<int64_t>(row.size()), cols);
    alone.insert(alone.end(), row.begin(), row.end());
  }
  for (size_t b = 0; b < backends.size(); ++b)
    for (const Batch& batch : batches) {
      const auto got = compute(*backends[b], batch);
      ASSERT_EQ(static_cast<int64_t>(got.size()), batch.rows * cols);
      for (int64_t r = 0; r < batch.rows; ++r)
        ASSERT_TRUE(
            same_row(bits, lane, std::span(got).subspan(static_cast<size_t>(r) * width, width),
                     std::span(alone).subspan(static_cast<size_t>(batch.begin + r) * width, width)))
            << "row " << batch.begin + r << " in a batch of " << batch.rows << " rows from "
            << batch.begin << ", thread setting " << b;
    }
}

/// Batches of every listed size, each at the beginning, at the end and somewhere between.
inline std::vector<Batch> batches_of(const std::vector<int64_t>& sizes, int64_t rows) {
  std::vector<Batch> batches;
  for (const int64_t size : sizes)
    for (const int64_t begin : {int64_t{0}, (rows - size) / 2, rows - size})
      batches.push_back({begin, size});
  return batches;
}

/// x · Wᵀ for one weight shape.
inline void expect_linear_rows_are_independent(const std::string& lane, int64_t in, int64_t out,
                                               int64_t rows, const std::vector<int64_t>& sizes) {
  SCOPED_TRACE(fmt::format("weight [{}, {}]", out, in));
  const auto backends = backends_with_threads(lane);
  prove::InputStream inputs(77);
  const auto x = inputs.uneven_rows(rows, in);
  const prove::HostMatrix matrix({out, in}, inputs.normal(out * in, 0.05f), DType::bf16);
  const TensorView view = matrix.view();
  std::map<const backend::Backend*, backend::Weight> weights;
  for (const auto& backend : backends)
    weights[backend.get()] = take(backend->prepare_linear({&view, 1}));
  expect_same_rows(
      lane, backends, rows, out, batches_of(sizes, rows),
      [&](backend::Backend& backend, const Batch& batch) {
        const std::span part(x.data() + batch.begin * in, static_cast<size_t>(batch.rows * in));
        return values_of(backend, take(backend.linear(take(backend.upload(part, batch.rows, in)),
                                                      weights.at(&backend))));
      });
}

}  // namespace trinity::testing
