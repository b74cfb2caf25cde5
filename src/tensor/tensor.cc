#include "tensor/tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "tensor/bf16.h"

namespace trinity {

static_assert(std::endian::native == std::endian::little, "tensor files are little-endian");

namespace {

template <typename T>
T load(const std::byte* bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

Status unsupported(DType dtype) {
  return fail(ErrorKind::unsupported, "unsupported_dtype",
              "a tensor of type " + std::string(dtype_name(dtype)) +
                  " cannot be read as floats; convert it to F64, F32, BF16 or F16");
}

Status require_rank_2(const TensorView& tensor) {
  if (tensor.shape.size() == 2) return {};
  return fail(ErrorKind::invalid_input, "expected_rank_2",
              "expected rank-2 safetensors tensor, got shape " + shape_text(tensor.shape) +
                  "; name a matrix");
}

/// The count of elements of a view whose bytes fit its shape.
Result<std::int64_t> checked_count(const TensorView& tensor) {
  const auto bytes = byte_count(tensor.dtype, tensor.shape);
  if (!bytes) return tl::unexpected(bytes.error());
  if (static_cast<std::uint64_t>(*bytes) != tensor.bytes.size()) {
    return fail(ErrorKind::invalid_input, "tensor_size_mismatch",
                "a tensor of shape " + shape_text(tensor.shape) + " and type " +
                    std::string(dtype_name(tensor.dtype)) + " takes " + std::to_string(*bytes) +
                    " bytes, but has " + std::to_string(tensor.bytes.size()));
  }
  return *bytes / dtype_size(tensor.dtype);
}

/// Index of the first element whose bits under `mask` (all but the sign) reach `infinity`, the
/// pattern from which on a float is infinite or NaN; `count` if there is none. Whole blocks are
/// reduced to their maximum first, a loop that the compiler vectorises.
template <typename Bits>
std::size_t first_at_least(const std::byte* bytes, std::size_t count, Bits mask, Bits infinity) {
  constexpr std::size_t block = 4096;
  for (std::size_t start = 0; start < count; start += block) {
    const std::size_t end = std::min(start + block, count);
    Bits largest = 0;
    for (std::size_t i = start; i < end; ++i) {
      largest = std::max(largest, static_cast<Bits>(load<Bits>(bytes, i) & mask));
    }
    if (largest < infinity) continue;
    for (std::size_t i = start; i < end; ++i) {
      if ((load<Bits>(bytes, i) & mask) >= infinity) return i;
    }
  }
  return count;
}

}  // namespace

Result<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(count, dimension, &count)) {
      return fail(ErrorKind::invalid_input, "shape_overflow",
                  "the shape " + shape_text(shape) +
                      " has a negative dimension or too many elements; correct the file");
    }
  }
  return count;
}

Result<std::int64_t> byte_count(DType dtype, std::span<const std::int64_t> shape) {
  auto count = element_count(shape);
  std::int64_t bytes = 0;
  if (count && __builtin_mul_overflow(*count, dtype_size(dtype), &bytes)) {
    return fail(
        ErrorKind::invalid_input, "shape_overflow",
        "a tensor of shape " + shape_text(shape) + " takes too many bytes; correct the file");
  }
  if (count) *count = bytes;
  return count;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

Status copy_f32(const TensorView& tensor, std::span<float> out) {
  const auto checked = checked_count(tensor);
  if (!checked) return tl::unexpected(checked.error());
  const auto count = static_cast<std::size_t>(*checked);
  if (out.size() != count) {
    return fail(ErrorKind::invalid_input, "tensor_size_mismatch",
                "a tensor of shape " + shape_text(tensor.shape) + " does not fit " +
                    std::to_string(out.size()) + " elements");
  }
  const std::byte* bytes = tensor.bytes.data();
  switch (tensor.dtype) {
    case DType::f32:
      if (count > 0) std::memcpy(out.data(), bytes, count * sizeof(float));
      return {};
    case DType::bf16:
      for (std::size_t i = 0; i < count; ++i) out[i] = f32_from_bf16(load<std::uint16_t>(bytes, i));
      return {};
    case DType::f16:
      for (std::size_t i = 0; i < count; ++i) out[i] = f32_from_f16(load<std::uint16_t>(bytes, i));
      return {};
    case DType::f64:
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<double>(bytes, i));
      return {};
    default:
      return unsupported(tensor.dtype);
  }
}

Result<std::vector<float>> to_f32(const TensorView& tensor) {
  const auto count = checked_count(tensor);
  if (!count) return tl::unexpected(count.error());
  std::vector<float> values(static_cast<std::size_t>(*count));
  if (auto status = copy_f32(tensor, values); !status) return tl::unexpected(status.error());
  return values;
}

Result<TensorView> row_slice(const TensorView& tensor, std::int64_t row_start,
                             std::int64_t row_count) {
  if (auto status = require_rank_2(tensor); !status) return tl::unexpected(status.error());
  const auto count = checked_count(tensor);
  if (!count) return tl::unexpected(count.error());
  const std::int64_t rows = tensor.shape[0];
  if (row_start < 0 || row_count <= 0 || row_count > rows || row_start > rows - row_count) {
    return fail(ErrorKind::invalid_input, "row_slice_out_of_range",
                "row slice of " + std::to_string(row_count) + " rows from row " +
                    std::to_string(row_start) + " exceeds tensor rows (" + std::to_string(rows) +
                    "); ask for at least one row, inside the tensor");
  }
  const auto row_bytes = static_cast<std::size_t>(tensor.shape[1]) *
                         static_cast<std::size_t>(dtype_size(tensor.dtype));
  return TensorView{tensor.dtype,
                    {row_count, tensor.shape[1]},
                    tensor.bytes.subspan(static_cast<std::size_t>(row_start) * row_bytes,
                                         static_cast<std::size_t>(row_count) * row_bytes)};
}

Status copy_row_f32(const TensorView& tensor, std::int64_t row, std::span<float> out) {
  if (auto status = require_rank_2(tensor); !status) return status;
  if (row < 0 || row >= tensor.shape[0]) {
    return fail(ErrorKind::invalid_input, "row_out_of_range",
                "row " + std::to_string(row) + " is outside a tensor of shape " +
                    shape_text(tensor.shape) + "; ask for a row inside it");
  }
  const auto slice = row_slice(tensor, row, 1);
  if (!slice) return tl::unexpected(slice.error());
  return copy_f32(*slice, out);
}

Status require_finite(const TensorView& tensor, std::string_view name) {
  const auto checked = checked_count(tensor);
  if (!checked) return tl::unexpected(checked.error());
  const auto count = static_cast<std::size_t>(*checked);
  const std::byte* bytes = tensor.bytes.data();
  std::size_t bad = count;
  switch (tensor.dtype) {
    case DType::f32:
      bad = first_at_least<std::uint32_t>(bytes, count, 0x7FFFFFFFu, 0x7F800000u);
      break;
    case DType::bf16:
      bad = first_at_least<std::uint16_t>(bytes, count, 0x7FFFu, 0x7F80u);
      break;
    case DType::f16:
      bad = first_at_least<std::uint16_t>(bytes, count, 0x7FFFu, 0x7C00u);
      break;
    case DType::f64:
      bad = 0;
      while (bad < count && std::isfinite(static_cast<float>(load<double>(bytes, bad)))) ++bad;
      break;
    default:
      break;
  }
  if (bad == count) return {};
  return fail(ErrorKind::invalid_input, "non_finite_values",
              "the tensor " + excerpt(name) + " has a NaN or infinite value at element " +
                  std::to_string(bad) + "; get an undamaged file");
}

Status require_below(const TensorView& tensor, std::string_view name, float limit) {
  const auto checked = checked_count(tensor);
  if (!checked) return tl::unexpected(checked.error());
  const auto count = static_cast<std::size_t>(*checked);
  const std::byte* bytes = tensor.bytes.data();
  std::size_t bad = count;
  switch (tensor.dtype) {
    case DType::f32:
      bad = first_at_least<std::uint32_t>(bytes, count, 0x7FFFFFFFu,
                                          std::bit_cast<std::uint32_t>(limit));
      break;
    case DType::bf16:
      bad = first_at_least<std::uint16_t>(bytes, count, 0x7FFFu, bf16_from_f32(limit));
      break;
    case DType::f16:
      bad = first_at_least<std::uint16_t>(bytes, count, 0x7FFFu, f16_from_f32(limit));
      break;
    case DType::f64:
      bad = 0;
      while (bad < count && std::fabs(load<double>(bytes, bad)) < double{limit}) ++bad;
      break;
    default:
      break;
  }
  if (bad == count) return {};
  return fail(ErrorKind::invalid_input, "overflowing_values",
              "the tensor " + excerpt(name) + " has a value at element " + std::to_string(bad) +
                  " that is so large that sums of it overflow; get an undamaged file");
}

}  // namespace trinity
