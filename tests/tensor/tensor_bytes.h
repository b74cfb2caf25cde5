// Small makers of tensors and files in memory for the tests of this folder.
#pragma once

#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/safetensors.h"

namespace trinity::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
std::string packed(const std::vector<T>& values) {
  std::string text(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(text.data(), values.data(), text.size());
  return text;
}

inline std::string length_bytes(std::uint64_t value) {
  return packed(std::vector<std::uint64_t>{value});
}

/// A safetensors file with this header text, right or wrong.
inline std::string safetensors_text(const std::string& header, const std::string& payload) {
  return length_bytes(header.size()) + header + payload;
}

/// A tensor that owns its bytes.
struct OwnedTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::string bytes;
  NamedTensor named() const { return {name, {dtype, shape, bytes_of(bytes)}}; }
};

/// Random tensors of all types, ranks 0 to 3, some empty, some with names that need escapes.
inline std::vector<OwnedTensor> random_tensors(std::mt19937_64& random) {
  std::vector<OwnedTensor> tensors(random() % 6);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    OwnedTensor& tensor = tensors[i];
    const char* const stems[] = {"w", "layer.0.\"q\"", "\u00e9\\", "a b\n", "__metadata"};
    tensor.name = stems[random() % 5] + std::to_string(random() % 1000) + "." + std::to_string(i);
    tensor.dtype = static_cast<DType>(random() % 13);
    std::int64_t size = dtype_size(tensor.dtype);
    for (std::uint64_t rank = random() % 4; rank > 0; --rank) {
      tensor.shape.push_back(static_cast<std::int64_t>(random() % 5));
      size *= tensor.shape.back();
    }
    tensor.bytes.resize(static_cast<std::size_t>(size));
    for (char& c : tensor.bytes) c = static_cast<char>(random());
  }
  return tensors;
}

inline std::vector<NamedTensor> named(const std::vector<OwnedTensor>& tensors) {
  std::vector<NamedTensor> views;
  for (const auto& tensor : tensors) views.push_back(tensor.named());
  return views;
}
std::vector<NamedTensor> named(std::vector<OwnedTensor>&&) = delete;  // the views would dangle

}  // namespace trinity::testing
