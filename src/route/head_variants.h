// Head variants for training: linear, block diagonal and sparse.
//
// All are dense layers with bias between a slice of the hidden vector and a slice of the outputs:
//  * linear: one layer from the whole vector to all outputs;
//  * block_diagonal: input and outputs are cut into the same number of contiguous parts, the first
//    (size mod blocks) parts one longer, and part i of the outputs sees part i of the input only;
//  * sparse: one layer from the first k coordinates to all outputs.
// Bundles hold linear heads only; the router's own product is in route/head.h.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::route {

enum class HeadVariant { linear, block_diagonal, sparse };

/// Reads a name: trimmed, lower-cased, "-" as "_". Error `invalid_head_variant`.
Result<HeadVariant> parse_head_variant(std::string_view name);

/// "linear", "block_diagonal" or "sparse".
std::string head_variant_name(HeadVariant variant);

struct HeadSpec {
  std::size_t input_dim = 0;
  std::size_t num_agents = 7;
  std::size_t num_roles = 3;
  HeadVariant variant = HeadVariant::linear;
  std::size_t blocks = 1;               // of block_diagonal
  std::optional<std::size_t> sparse_k;  // of sparse; the whole input when absent
};

/// A contiguous slice.
struct Partition {
  std::size_t start = 0;
  std::size_t length = 0;
  bool operator==(const Partition&) const = default;
};

/// What a spec works out to. Layer i maps input_partitions[i] to output_partitions[i].
struct HeadLayout {
  std::size_t input_dim = 0;
  std::size_t num_agents = 0;
  std::size_t num_roles = 0;
  std::size_t output_dim = 0;
  HeadVariant variant = HeadVariant::linear;
  std::size_t blocks = 1;
  std::optional<std::size_t> effective_sparse_k;  // absent for block_diagonal
  std::vector<Partition> input_partitions;
  std::vector<Partition> output_partitions;
  std::size_t parameter_count = 0;
};

/// Errors: `invalid_head_shape` (a size of zero), `invalid_blocks` (not 1..min(input, outputs)),
/// `invalid_sparse_k` (not 1..input).
Result<HeadLayout> head_layout(const HeadSpec& spec);

/// A head of any variant with its parameters: layer after layer the bias [out], then the kernel
/// [in, out] row-major.
class TrainableHead {
 public:
  /// Zero biases and Glorot-uniform kernels drawn from `exsss`. Errors: those of head_layout.
  static Result<TrainableHead> create(const HeadSpec& spec, const SeedTriple& seed);

  const HeadLayout& layout() const { return layout_; }
  std::span<const float> parameters() const { return parameters_; }
  std::span<float> parameters() { return parameters_; }

  /// Logits [outputs] of one input vector. Error `hidden_size_mismatch`.
  Result<std::vector<float>> logits(std::span<const float> input) const;

 private:
  TrainableHead() = default;

  HeadLayout layout_;
  std::vector<float> parameters_;
};

}  // namespace trinity::route
