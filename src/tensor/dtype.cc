#include "tensor/dtype.h"

#include <array>
#include <string>

#include "base/utf8.h"

namespace trinity {

namespace {

struct Entry {
  DType dtype;
  std::string_view name;
  std::int64_t size;
};

// In the order of the enumeration.
constexpr std::array<Entry, 13> entries = {{
    {DType::f64, "F64", 8},
    {DType::f32, "F32", 4},
    {DType::f16, "F16", 2},
    {DType::bf16, "BF16", 2},
    {DType::i64, "I64", 8},
    {DType::i32, "I32", 4},
    {DType::i16, "I16", 2},
    {DType::i8, "I8", 1},
    {DType::u64, "U64", 8},
    {DType::u32, "U32", 4},
    {DType::u16, "U16", 2},
    {DType::u8, "U8", 1},
    {DType::boolean, "BOOL", 1},
}};

const Entry& entry(DType dtype) { return entries[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::int64_t dtype_size(DType dtype) { return entry(dtype).size; }

std::string_view dtype_name(DType dtype) { return entry(dtype).name; }

Result<DType> parse_dtype(std::string_view name) {
  for (const Entry& candidate : entries) {
    if (candidate.name == name) return candidate.dtype;
  }
  return fail(ErrorKind::unsupported, "unknown_dtype",
              "the element type \"" + excerpt(name, 64) +
                  "\" is not known; convert the tensor to F32 or BF16");
}

}  // namespace trinity
