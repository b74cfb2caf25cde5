#include "backend/op_checks.h"

#include <fmt/format.h>

#include <algorithm>

namespace trinity::testing {
namespace {

constexpr int kReportsPerOp = 3;
constexpr double kFloor = 1e-30;  // below any number that the inputs can produce

}  // namespace

std::vector<float> values_of(Backend& backend, const Tensor& tensor) {
  auto downloaded = backend.download(tensor);
  if (downloaded) return std::move(*downloaded);
  const auto size = static_cast<size_t>(tensor.cols());
  std::vector<float> identity(size * size, 0.0f);
  for (size_t i = 0; i < size; ++i) identity[i * size + i] = 1;
  const OwnedTensor matrix({tensor.cols(), tensor.cols()}, identity);
  const TensorView view = matrix.view();
  const Weight weight = take(backend.prepare_linear({&view, 1}));
  return take(backend.download(take(backend.linear(tensor, weight))));
}

void Comparison::fail(const std::string& op, const std::string& detail) {
  if (reported_[op]++ < kReportsPerOp) deviations.push_back({op, detail});
}

void Comparison::check(const std::string& op, const std::string& detail,
                       const std::vector<float>& want, const std::vector<float>& got,
                       const std::vector<double>& scale, int64_t cols, const Tolerance& tolerance,
                       bool check_rows) {
  if (want.size() != got.size())
    return fail(op, fmt::format("{}: {} values instead of {}", detail, got.size(), want.size()));
  const auto width = static_cast<size_t>(cols);
  for (size_t begin = 0; begin < want.size(); begin += width) {
    double error_squares = 0, want_squares = 0;
    for (size_t i = begin; i < begin + width; ++i) {
      const double error = double{got[i]} - double{want[i]};
      error_squares += error * error;
      want_squares += double{want[i]} * double{want[i]};
      if (!(std::abs(error) <= tolerance.element * scale[i] + kFloor))
        return fail(op, fmt::format("{}: row {} column {} is {} instead of {} (limit {} · {})",
                                    detail, begin / width, i - begin, got[i], want[i],
                                    tolerance.element, scale[i]));
    }
    if (check_rows &&
        !(std::sqrt(error_squares) <= tolerance.row * std::sqrt(want_squares) + kFloor))
      return fail(
          op, fmt::format("{}: row {} deviates by {} of its length (limit {})", detail,
                          begin / width, std::sqrt(error_squares / want_squares), tolerance.row));
  }
}

std::vector<int64_t> Comparison::row_counts() const {
  if (effort == Effort::quick) return {1, 3, 17, 66};
  return {1, 2, 3, 5, 17, 33, 64, 130, 257};
}

std::vector<Deviation> compare_operations(Backend& candidate, Backend& oracle,
                                          const LaneTolerances& tolerances, Effort effort,
                                          uint64_t seed) {
  Comparison comparison(candidate, oracle, tolerances, effort, seed);
  check_row_operations(comparison);
  check_rope(comparison);
  check_attention(comparison);
  return std::move(comparison.deviations);
}

std::set<std::string> operations_of(const std::vector<Deviation>& deviations) {
  std::set<std::string> names;
  for (const Deviation& deviation : deviations) names.insert(deviation.op);
  return names;
}

std::string report_of(const std::vector<Deviation>& deviations) {
  std::string text;
  for (const Deviation& deviation : deviations)
    text += deviation.op + ": " + deviation.detail + "\n";
  return text;
}

}  // namespace trinity::testing
