// The stages of a reconstruction, and how close two computations of one stage must be.
//
// An adapted matrix comes about in ten steps, from the base weights to the rounded result. Two
// implementations are compared step by step, so that a difference shows where it begins. Stages are
// compared as they stream past: a piece of rows at a time, sums in f64.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "base/sha256.h"
#include "tensor/tensor.h"

namespace trinity::interchange {

struct StageRule {
  std::string_view name;
  bool required;
  double max_abs;
  double mean_abs;
};

/// The ten stages in the order of the computation.
std::span<const StageRule> parity_stages();
/// The rule of a stage; of any other name: not required, the widest tolerances.
StageRule stage_rule(std::string_view name);

inline constexpr std::string_view kSourceStage = "source_f32";
inline constexpr std::string_view kFinalStage = "final_bf16";

/// What a report says about a tensor without holding it: hashes, range, sum and the first values,
/// from pieces in row order.
class SummaryBuilder {
 public:
  SummaryBuilder(std::vector<int64_t> shape, DType dtype, std::string backend);
  /// The next elements, of the builder's type.
  void add(std::span<const std::byte> bytes, std::span<const float> as_f32);
  Json finish();
  /// Hash of the elements in their own type; after finish.
  const std::string& sha256() const { return sha256_; }

 private:
  std::vector<int64_t> shape_;
  DType dtype_;
  std::string backend_;
  Sha256 own_, f32_, bf16_;
  std::string sha256_;
  int64_t size_ = 0;
  double minimum_ = 0, maximum_ = 0, sum_ = 0;
  std::vector<float> prefix_;
};

/// A summary of a tensor in memory or in a file. Error: those of to_f32.
Result<Json> tensor_summary(const TensorView& view, const std::string& backend);

/// Accumulates the differences of one stage.
class StageDifference {
 public:
  /// Elements of the same places on both sides, as f32; `different` counts them as stored.
  void add(std::span<const float> ours, std::span<const float> theirs, int64_t different);

  double max_abs() const { return maximum_; }
  double mean_abs() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  int64_t mismatched() const { return mismatched_; }

 private:
  double maximum_ = 0, sum_ = 0;
  int64_t count_ = 0, mismatched_ = 0;
};

/// One row of a report's `checks`.
struct StageCheck {
  std::string stage;
  bool required = false;
  bool missing = false;  // the other side has no such stage
  bool shape_match = true;
  std::optional<bool> byte_match;  // null when no hashes were made
  std::optional<double> max_abs_error, mean_abs_error;
  std::optional<int64_t> mismatched;
  bool passed = false;
};

/// Judges a stage whose shapes agree.
StageCheck judge_stage(std::string_view stage, const StageDifference& difference,
                       std::optional<bool> byte_match);
StageCheck missing_stage(std::string_view stage);
StageCheck misshapen_stage(std::string_view stage);

Json stage_check_json(const StageCheck& check, Json ours, Json theirs);

/// Nothing for no checks, else whether every required one passed.
std::optional<bool> functional_parity(std::span<const StageCheck> checks);
int64_t required_failures(std::span<const StageCheck> checks);

}  // namespace trinity::interchange
