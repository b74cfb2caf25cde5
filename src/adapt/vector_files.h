// Files with one list or matrix of numbers, as NumPy or safetensors: router vectors, offsets,
// heads.
//
// Numbers keep their type: f64 is rounded to f32 only when that is asked for, once, to nearest.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace trinity::adapt {

struct NumberFile {
  std::vector<double> values;  // row-major; f32 values widen exactly
  std::vector<int64_t> shape;
  DType dtype = DType::f32;  // f32 or f64
  std::string sha256;        // of the file, when read

  std::vector<float> as_f32() const;
};

/// By content. Of a safetensors file the tensor `name`, or the only one when `name` is empty.
/// Errors: `missing_file`, those of the npy and safetensors readers (`npy_big_endian`,
/// `npy_fortran_order` …), `missing_vector_tensor`, `unsupported_dtype` (neither F32 nor F64),
/// `non_finite_vector`.
Result<NumberFile> read_numbers(const std::filesystem::path& path, const std::string& name);

/// Error `invalid_vector_shape`: not one-dimensional, or empty.
Status require_vector(const NumberFile& file, const std::filesystem::path& path);

/// As `.npy` or `.safetensors` (then under `name`), by the name's ending, atomically, to what
/// the user's `path` leads to (Replace::target). Errors:
/// `unknown_vector_format`, `non_finite_vector` (too large for f32), those of the writers.
Status write_numbers(const std::filesystem::path& path, const std::string& name,
                     const NumberFile& file);

}  // namespace trinity::adapt
