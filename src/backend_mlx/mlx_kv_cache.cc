#include "backend_mlx/mlx_kv_cache.h"

#include <mlx/ops.h>

namespace trinity::mlx_backend {

namespace mx = mlx::core;

namespace {

/// The first `tokens` of [heads, any, dim].
mx::array prefix(const mx::array& stored, int64_t tokens) {
  if (stored.shape(1) == tokens) return stored;
  return mx::slice(stored, {0, 0, 0}, {stored.shape(0), static_cast<int>(tokens), stored.shape(2)});
}

}  // namespace

ArrayKvCache::ArrayKvCache(const backend::KvShape& shape, std::shared_ptr<Worker> worker)
    : shape_(shape), worker_(std::move(worker)), layers_(static_cast<size_t>(shape.layers)) {}

ArrayKvCache::~ArrayKvCache() {
  for (Layer& layer : layers_) drop(layer);
}

size_t ArrayKvCache::bytes() const {
  int64_t tokens = 0;
  for (const Layer& layer : layers_) tokens += layer.length;
  return static_cast<size_t>(2 * tokens * shape_.kv_heads * shape_.head_dim) * sizeof(float);
}

std::unique_ptr<backend::KvCache> ArrayKvCache::fork(int64_t length) const {
  auto copy = std::make_unique<ArrayKvCache>(shape_, worker_);
  if (length == 0) return copy;
  copy->layers_ = layers_;
  for (Layer& layer : copy->layers_) layer.length = length;
  return copy;
}

void ArrayKvCache::clear(int64_t layer) { drop(layers_[static_cast<size_t>(layer)]); }

void ArrayKvCache::drop(Layer& layer) {
  for (mx::array& array : layer.arrays) worker_->discard(std::move(array));
  layer = Layer();
}

void ArrayKvCache::append(int64_t layer, const mx::array& k, const mx::array& v) {
  Layer& target = layers_[static_cast<size_t>(layer)];
  // Copies: a view would keep the whole matrix alive that it was cut from.
  std::vector<mx::array> longer = {mx::contiguous(k), mx::contiguous(v)};
  if (target.length > 0)
    longer = {mx::concatenate({prefix(target.arrays[0], target.length), k}, 1),
              mx::concatenate({prefix(target.arrays[1], target.length), v}, 1)};
  target.length += k.shape(1);
  target.arrays = std::move(longer);
}

mx::array ArrayKvCache::keys(int64_t layer, int64_t length) const {
  return prefix(at(layer).arrays[0], length);
}

mx::array ArrayKvCache::values(int64_t layer, int64_t length) const {
  return prefix(at(layer).arrays[1], length);
}

}  // namespace trinity::mlx_backend
