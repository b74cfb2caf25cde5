#include "prove/matrix/ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/try.h"
#include "prove/matrix/op_cases.h"

namespace trinity::prove {
namespace {

constexpr size_t kFindingsPerOp = 3;
constexpr double kOneRounding = 0x1p-24;  // the formulas give doubles, a lane gives f32
constexpr double kFloor = 1e-30;          // f32 sums of denormals may be lost

double share_of(double error, double limit) {
  if (error <= limit) return limit > kFloor ? error / limit : 0;
  return limit > 0 ? error / limit : std::numeric_limits<double>::infinity();
}

class Judge {
 public:
  Judge(OpVerdict& verdict, const OpCase& one, const OpTruth& truth)
      : verdict_(verdict), case_(one), truth_(truth) {
    ++verdict_.cases;
    verdict_.element_limit = std::max(verdict_.element_limit, truth.tolerance.element);
    verdict_.given_bits = verdict_.given_bits || truth.given_bits;
  }

  void judge(const std::vector<float>& got) {
    if (got.size() != truth_.values.size())
      return fail(fmt::format("{} values instead of {}", got.size(), truth_.values.size()));
    verdict_.elements += static_cast<int64_t>(got.size());
    const auto width = static_cast<size_t>(
        truth_.cols > 0 ? truth_.cols : static_cast<int64_t>(truth_.values.size()));
    for (size_t begin = 0; begin < got.size(); begin += width) {
      if (!judge_elements(got, begin, width)) return;
      if (truth_.cols > 0 && !truth_.given_bits && !judge_row(got, begin, width)) return;
    }
  }

  void fail(const std::string& what) {
    ++verdict_.failed_cases;
    if (verdict_.findings.size() < kFindingsPerOp)
      verdict_.findings.push_back(fmt::format("{}: {}", case_.detail, what));
  }

 private:
  bool judge_elements(const std::vector<float>& got, size_t begin, size_t width) {
    for (size_t i = begin; i < begin + width; ++i) {
      const double want = truth_.values[i], error = std::abs(double{got[i]} - want);
      const double limit = truth_.given_bits ? 0
                                             : truth_.tolerance.element * truth_.scale[i] +
                                                   kOneRounding * std::abs(want) + kFloor;
      if (!std::isfinite(got[i]) || !(error <= limit)) {
        const double share =
            std::isfinite(error) ? share_of(error, limit) : std::numeric_limits<double>::infinity();
        verdict_.worst_of_limit = std::max(verdict_.worst_of_limit, share);
        note_error(error, i);
        fail(truth_.given_bits
                 ? fmt::format("value {} is {} instead of exactly {}", i, got[i], want)
                 : fmt::format("value {} is {} instead of {} (may differ by {:.3g})", i, got[i],
                               want, limit));
        return false;
      }
      verdict_.worst_of_limit = std::max(verdict_.worst_of_limit, share_of(error, limit));
      note_error(error, i);
    }
    return true;
  }

  void note_error(double error, size_t i) {
    if (truth_.scale[i] > kFloor && std::isfinite(error))
      verdict_.worst_error = std::max(verdict_.worst_error, error / truth_.scale[i]);
  }

  bool judge_row(const std::vector<float>& got, size_t begin, size_t width) {
    double error = 0, length = 0;
    for (size_t i = begin; i < begin + width; ++i) {
      error += std::pow(double{got[i]} - truth_.values[i], 2);
      length += std::pow(truth_.values[i], 2);
    }
    error = std::sqrt(error);
    length = std::sqrt(length);
    const double limit = (truth_.tolerance.row + kOneRounding) * length + kFloor;
    if (length > kFloor) verdict_.worst_row = std::max(verdict_.worst_row, error / length);
    verdict_.worst_of_limit = std::max(verdict_.worst_of_limit, share_of(error, limit));
    if (error <= limit) return true;
    fail(fmt::format("row {} deviates by {:.3g} of its length (limit {:.3g})", begin / width,
                     error / length, truth_.tolerance.row));
    return false;
  }

  OpVerdict& verdict_;
  const OpCase& case_;
  const OpTruth& truth_;
};

/// Largest error between two results, each element over what it is measured against.
double distance(const std::vector<float>& a, const std::vector<float>& b,
                const std::vector<double>& scale) {
  if (a.size() != b.size() || a.size() != scale.size())
    return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(double{a[i]} - double{b[i]});
    if (!std::isfinite(error)) return std::numeric_limits<double>::infinity();
    if (scale[i] > kFloor) worst = std::max(worst, error / scale[i]);
  }
  return worst;
}

class OpComparison {
 public:
  static Result<OpComparison> open(std::span<const MatrixLane> lanes) {
    OpComparison out(lanes);
    for (const MatrixLane& lane : lanes) {
      TRINITY_TRY(out.backends_.emplace_back(), lane.create());
    }
    return out;
  }

  void run(const OpCase& one) {
    std::vector<std::optional<std::vector<float>>> results(lanes_.size());
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const OpTruth truth = one.truth(lanes_[i].limits);
      Judge judge(verdict(i, one.op), one, truth);
      auto result = one.run(*backends_[i]);
      if (!result) {
        judge.fail(fmt::format("{}: {}", result.error().tag, result.error().message));
        continue;
      }
      judge.judge(*result);
      results[i] = std::move(*result);
    }
    if (lanes_.size() == 1) return;
    // Between lanes everything is measured against what f32 lanes are measured against.
    const std::vector<double> scale = one.truth(backend::LaneTolerances{}).scale;
    for (size_t i = 0; i < lanes_.size(); ++i)
      for (size_t j = i + 1; j < lanes_.size(); ++j) {
        double& worst = distances_[(i * lanes_.size() + j) * op_names().size() + index_of(one.op)];
        if (results[i] && results[j])
          worst = std::max(worst, distance(*results[i], *results[j], scale));
      }
  }

  void finish(OpMatrix& matrix) {
    for (size_t i = 0; i < lanes_.size(); ++i)
      for (const std::string& op : op_names()) {
        OpVerdict& one = verdict(i, op);
        if (one.passed()) continue;
        for (const std::string& part : op_parts(op))
          if (!verdict(i, part).passed()) one.follows_from.push_back(part);
      }
    for (const auto& backend : backends_) matrix.devices.push_back(backend->info().device);
    matrix.verdicts = std::move(verdicts_);
    for (size_t i = 0; i < lanes_.size(); ++i)
      for (size_t j = i + 1; j < lanes_.size(); ++j)
        for (const std::string& op : op_names())
          matrix.distances.push_back(
              {lanes_[i].name, lanes_[j].name, op,
               distances_[(i * lanes_.size() + j) * op_names().size() + index_of(op)]});
  }

 private:
  explicit OpComparison(std::span<const MatrixLane> lanes) : lanes_(lanes) {
    for (const MatrixLane& lane : lanes)
      for (const std::string& op : op_names()) {
        verdicts_.emplace_back();
        verdicts_.back().lane = lane.name;
        verdicts_.back().op = op;
      }
    distances_.assign(lanes.size() * lanes.size() * op_names().size(), 0.0);
  }

  static size_t index_of(const std::string& op) {
    return static_cast<size_t>(
        std::distance(op_names().begin(), std::find(op_names().begin(), op_names().end(), op)));
  }
  OpVerdict& verdict(size_t lane, const std::string& op) {
    return verdicts_[lane * op_names().size() + index_of(op)];
  }

  std::span<const MatrixLane> lanes_;
  std::vector<std::unique_ptr<backend::Backend>> backends_;
  std::vector<OpVerdict> verdicts_;
  std::vector<double> distances_;
};

}  // namespace

bool OpMatrix::passed() const {
  return std::all_of(verdicts.begin(), verdicts.end(),
                     [](const OpVerdict& verdict) { return verdict.passed(); });
}

std::vector<std::string> OpMatrix::blamed(const std::string& lane) const {
  std::vector<std::string> names;
  for (const OpVerdict& verdict : verdicts)
    if (verdict.lane == lane && !verdict.passed() && verdict.follows_from.empty())
      names.push_back(verdict.op);
  return names;
}

Result<OpMatrix> compare_operations(std::span<const MatrixLane> lanes, uint64_t seed, bool thorough,
                                    const LabProgress& progress) {
  OpMatrix matrix;
  matrix.seed = seed;
  matrix.thorough = thorough;
  TRINITY_TRY(OpComparison comparison, OpComparison::open(lanes));
  std::uint64_t total = 0, done = 0;
  if (progress) visit_op_cases(seed, thorough, [&](const OpCase&) { ++total; });
  visit_op_cases(seed, thorough, [&](const OpCase& one) {
    if (progress) progress(done++, total);
    comparison.run(one);
  });
  comparison.finish(matrix);
  return matrix;
}

}  // namespace trinity::prove
