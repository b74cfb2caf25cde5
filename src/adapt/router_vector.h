// The router vector: everything that evolution has trained, as one flat list of numbers.
//
// First the singular-value offsets of all selected tensors in canonical order, then the head
// [outputs, hidden] row by row. Read from NumPy (.npy, f64 or f32) or safetensors; f64 is rounded
// to f32 once, as the released vector was.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace trinity::adapt {

struct RouterVector {
  static constexpr const char* kTensorName = "trinity_router_es_vector";

  std::vector<float> values;
  std::string tensor_name;     // in the file; kTensorName for .npy
  std::filesystem::path path;  // as given
  std::string sha256;          // of the file
  std::string source_type;     // "F64", "F32" …: the type in the file

  /// By content, not by file name. Errors: `missing_file`, those of the npy and safetensors
  /// readers, `missing_vector_tensor` (names the file's tensors), `invalid_vector_shape` (not
  /// one-dimensional or empty), `non_finite_vector`.
  static Result<RouterVector> load(const std::filesystem::path& path,
                                   const std::string& tensor_name = kTensorName);
};

struct RouterVectorParts {
  std::vector<float> offsets;  // [scale_count]
  std::vector<float> head;     // [outputs, hidden] row-major
  int64_t hidden = 0;
  int64_t outputs = 0;
};

/// Error `router_vector_size_mismatch`: "router vector size mismatch: expected E, got G".
Result<RouterVectorParts> split_router_vector(std::span<const float> values, int64_t scale_count,
                                              int64_t hidden, int64_t outputs);

/// The number of head outputs that is left when scale_count offsets are taken off. The split is
/// told apart from a wrong choice of layers by that number alone, so it must be a likely one:
/// `head_rows` says how many there are, 0 accepts every head of two agents or more beside the
/// three roles. Errors: `router_vector_size_mismatch` (the rest is no whole number of rows, not
/// `head_rows` of them, or fewer than four), `unlikely_head` (a single agent).
Result<int64_t> head_outputs_of(std::span<const float> values, int64_t scale_count, int64_t hidden,
                                int64_t head_rows = 0);

/// Split with the head that is left. Errors: those of `head_outputs_of`.
Result<RouterVectorParts> split_off_head(std::span<const float> values, int64_t scale_count,
                                         int64_t hidden, int64_t head_rows = 0);

/// "7 agents and 3 roles", for a head of ten rows.
std::string head_rows_text(int64_t outputs);

/// What one can say about a list of numbers at a glance.
struct VectorStatistics {
  int64_t count = 0;
  double mean = 0, standard_deviation = 0, minimum = 0, maximum = 0;
  double share_above_tenth = 0;  // of |x| > 0.1
};
VectorStatistics vector_statistics(std::span<const float> values);

}  // namespace trinity::adapt
