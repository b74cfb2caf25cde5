// Keys and values of one sequence as two arrays a layer, [kv_heads, tokens, head_dim].
//
// Arrays never change: appending makes longer ones, so forks and the original share what they have
// in common. A fork only remembers how many of the tokens are its own; the rest is cut off when it
// grows. All arrays belong to the worker thread; what is called from elsewhere only copies and
// drops references.
#pragma once

#include <mlx/array.h>

#include <memory>
#include <vector>

#include "backend/kv_cache.h"
#include "backend_mlx/mlx_worker.h"

namespace trinity::mlx_backend {

class ArrayKvCache final : public backend::KvCache {
 public:
  ArrayKvCache(const backend::KvShape& shape, std::shared_ptr<Worker> worker);
  ~ArrayKvCache() override;

  int64_t length(int64_t layer) const override { return at(layer).length; }
  size_t bytes() const override;
  std::unique_ptr<backend::KvCache> fork(int64_t length) const override;
  void clear(int64_t layer) override;

  /// On the worker: stores `k` and `v` [kv_heads, tokens, head_dim] behind what is there.
  void append(int64_t layer, const mlx::core::array& k, const mlx::core::array& v);
  /// On the worker: the first `length` keys (values) of a layer that has as many.
  mlx::core::array keys(int64_t layer, int64_t length) const;
  mlx::core::array values(int64_t layer, int64_t length) const;
  /// On the worker: the two arrays of a layer that is not empty.
  const std::vector<mlx::core::array>& stored(int64_t layer) const { return at(layer).arrays; }
  int64_t head_dim() const { return shape_.head_dim; }

 private:
  struct Layer {
    std::vector<mlx::core::array> arrays;  // keys and values, or nothing; may hold more tokens
    int64_t length = 0;
  };
  const Layer& at(int64_t layer) const { return layers_[static_cast<size_t>(layer)]; }
  void drop(Layer& layer);

  backend::KvShape shape_;
  std::shared_ptr<Worker> worker_;
  std::vector<Layer> layers_;
};

}  // namespace trinity::mlx_backend
