// Keys and values that the host keeps for a plugin: f32, contiguous for each layer.
#pragma once

#include <vector>

#include "backend/kv_cache.h"

namespace trinity::plugin {

/// [tokens][kv_heads · head_dim] rows, keys and values apart. A fork copies its prefix.
class HostKvCache final : public backend::KvCache {
 public:
  explicit HostKvCache(const backend::KvShape& shape)
      : width_(shape.kv_heads * shape.head_dim), layers_(static_cast<size_t>(shape.layers)) {}

  int64_t length(int64_t layer) const override {
    return static_cast<int64_t>(at(layer).keys.size()) / width_;
  }
  size_t bytes() const override {
    size_t total = 0;
    for (const Layer& layer : layers_)
      total += (layer.keys.capacity() + layer.values.capacity()) * sizeof(float);
    return total;
  }
  std::unique_ptr<backend::KvCache> fork(int64_t length) const override {
    auto copy = std::make_unique<HostKvCache>(*this, length * width_);
    return copy;
  }
  void clear(int64_t layer) override {
    at(layer).keys.clear();
    at(layer).values.clear();
  }

  HostKvCache(const HostKvCache& other, int64_t floats) : width_(other.width_) {
    for (const Layer& layer : other.layers_)
      layers_.push_back({{layer.keys.begin(), layer.keys.begin() + floats},
                         {layer.values.begin(), layer.values.begin() + floats}});
  }

  int64_t width() const { return width_; }
  const float* keys(int64_t layer) const { return at(layer).keys.data(); }
  const float* values(int64_t layer) const { return at(layer).values.data(); }

  /// Rows [begin, begin + count) of two row-major matrices of this width.
  void append(int64_t layer, const std::vector<float>& keys, const std::vector<float>& values,
              int64_t begin, int64_t count) {
    const auto add = [&](std::vector<float>& to, const std::vector<float>& from) {
      const auto first = from.begin() + begin * width_;
      to.insert(to.end(), first, first + count * width_);
    };
    add(at(layer).keys, keys);
    add(at(layer).values, values);
  }

 private:
  struct Layer {
    std::vector<float> keys, values;
  };
  Layer& at(int64_t layer) { return layers_[static_cast<size_t>(layer)]; }
  const Layer& at(int64_t layer) const { return layers_[static_cast<size_t>(layer)]; }

  int64_t width_;
  std::vector<Layer> layers_;
};

}  // namespace trinity::plugin
