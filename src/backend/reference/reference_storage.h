// What the reference backend keeps behind the handles: f32 vectors, nothing packed.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"

namespace trinity::backend::reference {

struct Matrix : backend::BackendStorage {
  std::vector<float> values;  // row-major
};

struct StackedWeight : backend::BackendStorage {
  std::vector<float> values;       // [sum of outs, in], row-major
  std::vector<int64_t> out_sizes;  // rows of each stacked matrix
};

/// Keys and values as [token][kv_heads·head_dim] rows, one vector a layer.
class VectorKvCache final : public backend::KvCache {
 public:
  explicit VectorKvCache(const backend::KvShape& shape)
      : width_(shape.kv_heads * shape.head_dim),
        keys_(static_cast<size_t>(shape.layers)),
        values_(static_cast<size_t>(shape.layers)) {}

  int64_t length(int64_t layer) const override {
    return static_cast<int64_t>(keys_[static_cast<size_t>(layer)].size()) / width_;
  }

  size_t bytes() const override {
    size_t total = 0;
    for (const auto& layer : keys_) total += 2 * layer.size() * sizeof(float);
    return total;
  }

  std::unique_ptr<backend::KvCache> fork(int64_t length) const override {
    auto copy = std::make_unique<VectorKvCache>(*this);
    for (size_t l = 0; l < keys_.size(); ++l) {
      copy->keys_[l].resize(static_cast<size_t>(length * width_));
      copy->values_[l].resize(static_cast<size_t>(length * width_));
    }
    return copy;
  }

  void clear(int64_t layer) override {
    keys_[static_cast<size_t>(layer)].clear();
    values_[static_cast<size_t>(layer)].clear();
  }

  std::vector<float>& keys(int64_t layer) { return keys_[static_cast<size_t>(layer)]; }
  std::vector<float>& values(int64_t layer) { return values_[static_cast<size_t>(layer)]; }
  int64_t width() const { return width_; }

 private:
  int64_t width_;
  std::vector<std::vector<float>> keys_;
  std::vector<std::vector<float>> values_;
};

}  // namespace trinity::backend::reference
