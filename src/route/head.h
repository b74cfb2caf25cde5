// The router head: ten rows that turn the hidden vector into logits.
//
// One row per output, agents first, then roles; logits = weights * hidden. The product is our own
// loop and not a library's: with so few rows the kernels of a BLAS differ with the batch, and a
// decision must not depend on who else is being routed. Products of two f32 are exact in double;
// they are summed in double in one chain, k ascending, and rounded once to f32: a logit has the
// same bits on every machine and however it is called.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace trinity::route {

class Head {
 public:
  static constexpr const char* kTensorName = "trinity_router_head";
  static constexpr int kNumRoles = 3;

  /// Takes a tensor [outputs, hidden] (f32, or any float type widened to f32); the last num_roles
  /// rows are roles. Errors: `invalid_num_roles` (not positive), `invalid_head_weights` (not rank
  /// 2, not a float type, empty, or NaN or infinity among the weights), `invalid_head_shape`
  /// (outputs not larger than num_roles).
  static Result<Head> from_tensor(const TensorView& weights, int num_roles = kNumRoles);

  /// The same from row-major weights in memory.
  static Result<Head> from_weights(std::span<const float> weights, std::size_t outputs,
                                   std::size_t hidden_size, int num_roles = kNumRoles);

  /// Reads a safetensors file. Errors: those of the file, of from_tensor, and
  /// `missing_router_head_tensor`, whose sentence names the file's only matrix when there is
  /// exactly one.
  static Result<Head> load(const std::filesystem::path& path,
                           const std::string& tensor_name = kTensorName, int num_roles = kNumRoles);

  std::size_t outputs() const { return outputs_; }
  std::size_t hidden_size() const { return hidden_size_; }
  std::size_t num_agents() const { return outputs_ - num_roles_; }
  std::size_t num_roles() const { return num_roles_; }
  /// Whether any two rows differ. A head of equal rows, of zeros for example, cannot decide.
  bool rows_differ() const;
  std::span<const float> weights() const { return weights_; }  // [outputs, hidden], row-major

  /// Logits of one hidden vector [hidden_size]. Errors: `hidden_size_mismatch`,
  /// `non_finite_logits`.
  Result<std::vector<float>> logits(std::span<const float> hidden) const;

 private:
  Head() = default;
  static Result<Head> from_values(std::vector<float> weights, std::size_t outputs,
                                  std::size_t hidden_size, int num_roles);

  std::vector<float> weights_;
  std::size_t outputs_ = 0;
  std::size_t hidden_size_ = 0;
  std::size_t num_roles_ = 0;
};

}  // namespace trinity::route
