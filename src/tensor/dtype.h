// Element types of tensors, under the names that the safetensors format gives them.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <string_view>

namespace trinity {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// Bytes an element takes.
std::int64_t dtype_size(DType dtype);

/// "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8" or "BOOL".
std::string_view dtype_name(DType dtype);

/// The inverse of dtype_name. Error: `unknown_dtype`.
Result<DType> parse_dtype(std::string_view name);

}  // namespace trinity
