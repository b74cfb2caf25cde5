// Gram matrix: blocks of rows are widened to f64 and their products added tile by tile. A tile is a
// panel of columns, computed by one thread with a single-threaded BLAS call, so that the bits do
// not depend on the number of threads.
//
// Row product: the exact product of the forward pass, so that a row is the same bits whether it is
// computed alone, while a router reads, or with the whole matrix, when a bundle is written.
#include "backend_cpu/dense_algebra.h"

#include <cblas.h>
#include <fmt/format.h>
#include <lapacke.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <new>

#include "backend_cpu/exact_products.h"
#include "backend_cpu/parallel.h"
#include "base/try.h"
#include "tensor/bf16.h"
#include "tensor/float_cast.h"

namespace trinity::cpu {
namespace {

constexpr int64_t kGramRows = 1024;    // rows widened to f64 at a time
constexpr int64_t kGramColumns = 128;  // columns of a tile
constexpr int64_t kProductRows = 256;  // rows of a task; its input stays in the second-level cache

size_t at(int64_t row, int64_t col, int64_t cols) { return static_cast<size_t>(row * cols + col); }

/// OpenBLAS takes work memory for each thread that calls it, keeps it, and asks for ever where the
/// system refuses. So it is asked for here first: whoever computes with `threads` may need that
/// much. (Others may take it in between; the answer is a good guess, not a promise.)
Status require_blas_memory(int threads) {
  constexpr size_t kOfOneThread = (size_t{128} << 20) + (size_t{64} << 10);
  const size_t bytes = kOfOneThread * static_cast<size_t>(threads);
  void* const probe =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED)
    return fail(ErrorKind::failed, "out_of_memory",
                fmt::format("the linear algebra library needs {} MB of memory for {} threads, more "
                            "than there is; close other programs, raise the limit, or use fewer "
                            "--threads",
                            bytes >> 20, threads));
  munmap(probe, bytes);
  return {};
}

/// OpenBLAS is called from our own team: each call computes on the thread that makes it. Its number
/// of threads belongs to the whole process, so of several adaptations at once the first one sets it
/// and the last one puts back what was there.
class SingleThreadedBlas {
 public:
  SingleThreadedBlas() {
    Shared& shared = of_process();
    const std::lock_guard lock(shared.mutex);
    if (shared.users++ > 0) return;
    shared.before = openblas_get_num_threads();
    openblas_set_num_threads(1);
  }
  ~SingleThreadedBlas() {
    Shared& shared = of_process();
    const std::lock_guard lock(shared.mutex);
    if (--shared.users == 0) openblas_set_num_threads(shared.before);
  }
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;

 private:
  struct Shared {
    std::mutex mutex;
    int users = 0;
    int before = 1;
  };
  static Shared& of_process() {
    static Shared shared;
    return shared;
  }
};

template <class T, class Widen>
void widen_values(const std::byte* from, int64_t count, double* to, const Widen& widen) {
  for (int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, from + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    to[i] = widen(value);
  }
}

/// Rows [begin, end) as f64 at their place in `to`.
void widen(const TensorView& view, RowRange rows, double* to) {
  const int64_t cols = view.shape[1], count = (rows.end - rows.begin) * cols;
  const std::byte* from =
      view.bytes.data() + static_cast<size_t>(rows.begin * cols * dtype_size(view.dtype));
  switch (view.dtype) {
    case DType::bf16:
      return widen_values<uint16_t>(from, count, to,
                                    [](uint16_t v) { return double{f32_from_bf16(v)}; });
    case DType::f16:
      return widen_values<uint16_t>(from, count, to,
                                    [](uint16_t v) { return double{f32_from_f16(v)}; });
    case DType::f32:
      return widen_values<float>(from, count, to, [](float v) { return double{v}; });
    default:
      return widen_values<double>(from, count, to, [](double v) { return v; });
  }
}

/// `body` for every panel of columns; panels with more work first.
template <class Body>
void for_panels(ThreadPool& threads, int64_t k, const Body& body) {
  threads.run((k + kGramColumns - 1) / kGramColumns, [&](int64_t panel) {
    const int64_t begin = panel * kGramColumns;
    body(begin, std::min(k, begin + kGramColumns));
  });
}

/// The upper triangle is computed, the lower one is its mirror image.
void mirror(ThreadPool& threads, std::vector<double>& matrix, int64_t k) {
  parallel_rows(threads, k, k, [&](RowRange rows) {
    for (int64_t i = rows.begin; i < rows.end; ++i)
      for (int64_t j = 0; j < i; ++j) matrix[at(i, j, k)] = matrix[at(j, i, k)];
  });
}

class CpuDenseAlgebra final : public backend::DenseAlgebra {
 public:
  explicit CpuDenseAlgebra(ThreadPool& threads)
      : threads_(threads), products_(ExactProducts::Weights::as_stored, threads) {}

  Result<std::vector<double>> gram(const TensorView& matrix) override {
    TRINITY_CHECK(backend::require_float_matrix(matrix));
    TRINITY_CHECK(memory_for_blas());
    const SingleThreadedBlas single;
    const int64_t rows = matrix.shape[0], k = matrix.shape[1];
    std::vector<double> out(static_cast<size_t>(k * k));
    std::vector<double> block(static_cast<size_t>(std::min(rows, kGramRows) * k));
    for (int64_t begin = 0; begin < rows; begin += kGramRows) {
      const int64_t count = std::min(kGramRows, rows - begin);
      parallel_rows(threads_, count, k, [&](RowRange part) {
        widen(matrix, {begin + part.begin, begin + part.end}, block.data() + part.begin * k);
      });
      for_panels(threads_, k, [&](int64_t first, int64_t end) {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<blasint>(end - first),
                    static_cast<blasint>(k - first), static_cast<blasint>(count), 1.0,
                    block.data() + first, static_cast<blasint>(k), block.data() + first,
                    static_cast<blasint>(k), 1.0, out.data() + at(first, first, k),
                    static_cast<blasint>(k));
      });
    }
    mirror(threads_, out, k);
    // A NaN or infinity anywhere in the matrix reaches the diagonal as a sum of squares.
    for (int64_t i = 0; i < k; ++i)
      if (!std::isfinite(out[at(i, i, k)]))
        return fail(ErrorKind::invalid_input, "non_finite_values",
                    "the matrix to decompose holds NaN or infinity; the checkpoint is damaged");
    return out;
  }

  Result<backend::SymmetricEigen> symmetric_eigen(std::vector<double> matrix, int64_t k) override {
    TRINITY_CHECK(memory_for_blas());
    const SingleThreadedBlas single;
    return solve(std::move(matrix), k);
  }

  Result<std::vector<backend::SymmetricEigen>> symmetric_eigen_many(
      std::vector<std::vector<double>> matrices, std::span<const int64_t> sizes) override {
    TRINITY_CHECK(memory_for_blas());
    const SingleThreadedBlas single;
    std::vector<Result<backend::SymmetricEigen>> results(matrices.size());
    threads_.run(static_cast<int64_t>(matrices.size()), [&](int64_t i) {
      const auto at_i = static_cast<size_t>(i);
      results[at_i] = solve(std::move(matrices[at_i]), sizes[at_i]);
    });
    std::vector<backend::SymmetricEigen> out;
    for (Result<backend::SymmetricEigen>& result : results) {
      TRINITY_TRY(out.emplace_back(), std::move(result));
    }
    return out;
  }

  Result<std::vector<double>> spectral_matrix(const backend::SymmetricEigen& eigen,
                                              std::span<const double> diagonal) override {
    TRINITY_CHECK(memory_for_blas());
    const SingleThreadedBlas single;
    const auto k = static_cast<int64_t>(eigen.values.size());
    std::vector<double> scaled(eigen.vectors);
    parallel_rows(threads_, k, k, [&](RowRange rows) {
      for (int64_t i = rows.begin; i < rows.end; ++i)
        for (int64_t j = 0; j < k; ++j) scaled[at(i, j, k)] *= diagonal[static_cast<size_t>(i)];
    });
    std::vector<double> out(static_cast<size_t>(k * k));
    for_panels(threads_, k, [&](int64_t first, int64_t end) {
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<blasint>(end - first),
                  static_cast<blasint>(k - first), static_cast<blasint>(k), 1.0,
                  scaled.data() + first, static_cast<blasint>(k), eigen.vectors.data() + first,
                  static_cast<blasint>(k), 0.0, out.data() + at(first, first, k),
                  static_cast<blasint>(k));
    });
    mirror(threads_, out, k);
    return out;
  }

  Result<backend::Weight> prepare_factor(std::span<const double> factor, int64_t k) override {
    const std::vector<float> single(factor.begin(), factor.end());
    const TensorView view{DType::f32, {k, k}, std::as_bytes(std::span(single))};
    // The engine multiplies by the transpose, which for a symmetric factor is the factor.
    TRINITY_TRY(std::shared_ptr<PackedLinear> packed, products_.pack(std::span(&view, 1)));
    return backend::Weight(std::move(packed), k, k);
  }

  Status multiply_rows(const TensorView& matrix, const backend::Weight& factor, DType dtype,
                       std::span<std::byte> out) override {
    TRINITY_CHECK(backend::require_float_matrix(matrix));
    const int64_t rows = matrix.shape[0], k = matrix.shape[1];
    const auto row_bytes = static_cast<size_t>(k * dtype_size(dtype));
    const auto& packed = factor.as<PackedLinear>();
    std::atomic<bool> failed = false;
    threads_.run((rows + kProductRows - 1) / kProductRows, [&](int64_t task) {
      const int64_t begin = task * kProductRows, count = std::min(kProductRows, rows - begin);
      thread_local TaskBuffers buffers;
      const auto size = static_cast<size_t>(count * k);
      buffers.input.resize(std::max(buffers.input.size(), size));
      buffers.output.resize(buffers.input.size());
      const auto slice = row_slice(matrix, begin, count);
      if (!slice || !copy_f32(*slice, std::span(buffers.input).first(size))) {
        failed = true;
        return;
      }
      ExactProducts::multiply_here(packed, buffers.input.data(), count, buffers.output.data(),
                                   buffers.workspace);
      cast_from_f32(std::span(buffers.output).first(size), dtype,
                    out.data() + static_cast<size_t>(begin) * row_bytes);
    });
    if (failed)
      return fail(ErrorKind::failed, "backend_failure",
                  fmt::format("the product of {} rows by a {}x{} factor failed", rows, k, k));
    return {};
  }

 private:
  /// Once: the library keeps what it got.
  Status memory_for_blas() {
    if (!has_blas_memory_) TRINITY_CHECK(require_blas_memory(threads_.threads()));
    has_blas_memory_ = true;
    return {};
  }

  /// On the calling thread.
  static Result<backend::SymmetricEigen> solve(std::vector<double> matrix, int64_t k) {
    // LAPACK may loop or crash on NaN.
    for (const double value : matrix)
      if (!std::isfinite(value))
        return fail(ErrorKind::invalid_input, "non_finite_values",
                    "the matrix to decompose holds NaN or infinity; check the weights");
    std::vector<double> ascending(static_cast<size_t>(k));
    const auto info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', static_cast<lapack_int>(k),
                                     matrix.data(), static_cast<lapack_int>(k), ascending.data());
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
      throw std::bad_alloc();  // as every other allocation here
    if (info != 0)
      return fail(ErrorKind::failed, "eigen_not_converged",
                  fmt::format("LAPACK's dsyevd did not converge (info {}); check the weights for "
                              "extreme values",
                              info));
    backend::SymmetricEigen eigen;
    eigen.values.assign(ascending.rbegin(), ascending.rend());
    eigen.vectors.resize(matrix.size());
    for (int64_t i = 0; i < k; ++i)  // a column of LAPACK's is contiguous
      std::copy_n(matrix.data() + at(k - 1 - i, 0, k), k, eigen.vectors.data() + at(i, 0, k));
    return eigen;
  }

  ThreadPool& threads_;
  bool has_blas_memory_ = false;
  ExactProducts products_;
  struct TaskBuffers {  // of one thread
    std::vector<float> input, output;
    ExactProducts::Workspace workspace;
  };
};

}  // namespace

std::unique_ptr<backend::DenseAlgebra> make_cpu_dense_algebra(ThreadPool& threads) {
  return std::make_unique<CpuDenseAlgebra>(threads);
}

}  // namespace trinity::cpu
