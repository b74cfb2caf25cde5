#include "adapt/vector_files.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <span>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"

namespace trinity::adapt {
namespace {

Result<NumberFile> numbers_of(const TensorView& view, const std::filesystem::path& path) {
  NumberFile file;
  file.shape = view.shape;
  file.dtype = view.dtype;
  if (view.dtype == DType::f64) {
    file.values.resize(view.bytes.size() / sizeof(double));
    std::memcpy(file.values.data(), view.bytes.data(), view.bytes.size());
  } else if (view.dtype == DType::f32) {
    TRINITY_TRY(const std::vector<float> narrow, to_f32(view));
    file.values.assign(narrow.begin(), narrow.end());
  } else {
    return fail(ErrorKind::unsupported, "unsupported_dtype",
                fmt::format("{} holds {} numbers; router vectors are F32 or F64", path.string(),
                            dtype_name(view.dtype)));
  }
  for (size_t i = 0; i < file.values.size(); ++i)
    if (!std::isfinite(file.values[i]))
      return fail(ErrorKind::invalid_input, "non_finite_vector",
                  fmt::format("{}: number {} is NaN or infinite", path.string(), i));
  return file;
}

Result<TensorView> chosen_tensor(const SafetensorsFile& file, const std::string& name) {
  const bool only = name.empty() && file.tensors().size() == 1;
  const std::string key = only ? file.tensors().front().name : name;
  if (file.find(key) != nullptr) return file.tensor(key);
  return fail(ErrorKind::invalid_input, "missing_vector_tensor",
              fmt::format("{} has no tensor \"{}\" among its {}; name the right one with "
                          "--tensor-name",
                          file.path().string(), excerpt(key), file.tensors().size()));
}

bool has_ending(const std::filesystem::path& path, std::string_view ending) {
  return path.extension() == ending;
}

}  // namespace

std::vector<float> NumberFile::as_f32() const {
  std::vector<float> out;
  out.reserve(values.size());
  for (const double value : values) out.push_back(static_cast<float>(value));
  return out;
}

Result<NumberFile> read_numbers(const std::filesystem::path& path, const std::string& name) {
  TRINITY_TRY(const MappedFile mapped, MappedFile::open(path));
  NumberFile out;
  constexpr std::string_view magic = "\x93NUMPY";
  if (mapped.size() >= magic.size() &&
      std::memcmp(mapped.bytes().data(), magic.data(), magic.size()) == 0) {
    auto view = parse_npy(mapped.bytes());
    if (!view) return fail_in(path.string(), std::move(view.error()));
    TRINITY_TRY(out, numbers_of(*view, path));
  } else {
    TRINITY_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
    TRINITY_TRY(const TensorView view, chosen_tensor(file, name));
    TRINITY_TRY(out, numbers_of(view, path));
  }
  out.sha256 = sha256_hex(mapped.bytes());
  return out;
}

Status require_vector(const NumberFile& file, const std::filesystem::path& path) {
  if (file.shape.size() == 1 && !file.values.empty()) return {};
  return fail(ErrorKind::invalid_input, "invalid_vector_shape",
              fmt::format("{}: a router vector is one-dimensional and not empty, but this has "
                          "shape {}; flatten it first",
                          path.string(), shape_text(file.shape)));
}

Status write_numbers(const std::filesystem::path& path, const std::string& name,
                     const NumberFile& file) {
  std::vector<float> narrow;
  TensorView view{file.dtype, file.shape, std::as_bytes(std::span(file.values))};
  if (file.dtype == DType::f32) {
    narrow = file.as_f32();
    for (size_t i = 0; i < narrow.size(); ++i)
      if (!std::isfinite(narrow[i]))
        return fail(ErrorKind::invalid_input, "non_finite_vector",
                    fmt::format("number {} is too large for f32; keep f64", i));
    view.bytes = std::as_bytes(std::span(narrow));
  }
  if (has_ending(path, ".npy")) return write_npy(path, view, Replace::target);
  if (has_ending(path, ".safetensors"))
    return write_safetensors(path, {{name, view}}, Replace::target);
  return fail(ErrorKind::usage, "unknown_vector_format",
              fmt::format("{} must end in .npy or .safetensors, which says how it is written",
                          path.string()));
}

}  // namespace trinity::adapt
