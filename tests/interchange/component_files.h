// Components bundles and other safetensors files from plain lists of numbers.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "backend_registry/registry.h"
#include "base/temporary_folder.h"
#include "tensor/safetensors.h"

namespace trinity::testing {

using Json = nlohmann::json;

struct FloatTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using FloatTensors = std::map<std::string, FloatTensor>;

inline void write_tensors(const std::filesystem::path& path, const FloatTensors& tensors) {
  std::vector<NamedTensor> named;
  for (const auto& [name, tensor] : tensors)
    named.push_back({name, {DType::f32, tensor.shape, std::as_bytes(std::span(tensor.values))}});
  const Status written = write_safetensors(path, std::move(named));
  ASSERT_TRUE(written) << written.error().message;
}

inline FloatTensor read_tensor(const std::filesystem::path& path, const std::string& name) {
  auto file = SafetensorsFile::open(path);
  if (!file) throw std::runtime_error(file.error().message);
  auto view = file->tensor(name);
  if (!view) throw std::runtime_error(view.error().message);
  return {view->shape, *to_f32(*view)};
}

inline backend::Backend& f32_backend() {
  static const std::unique_ptr<backend::Backend> backend = [] {
    auto made = backend::create_backend("cpu_f32", {1});
    if (!made) made = backend::create_backend("reference", {1});
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }();
  return *backend;
}

}  // namespace trinity::testing
