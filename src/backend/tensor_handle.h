// Opaque handles to what a backend owns: activations, prepared weights, key/value caches.
//
// model/ passes these around without knowing where the numbers live or how they are packed. Each
// backend derives its own storage and gets it back with `as<Storage>()`. All activations are
// matrices [rows, cols]; one row is one token.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <utility>

namespace trinity::backend {

/// Base of everything a backend stores behind a handle.
struct BackendStorage {
  virtual ~BackendStorage() = default;
};

/// A shared reference to backend-owned storage with its logical shape.
class Tensor {
 public:
  Tensor() = default;
  Tensor(std::shared_ptr<BackendStorage> storage, int64_t rows, int64_t cols)
      : storage_(std::move(storage)), rows_(rows), cols_(cols) {}

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  bool empty() const { return storage_ == nullptr; }

  template <typename Storage>
  Storage& as() const {
    assert(dynamic_cast<Storage*>(storage_.get()) != nullptr);
    return static_cast<Storage&>(*storage_);
  }

  /// The same handle, which keeps `companion` alive until its last copy goes.
  Tensor accompanied_by(std::shared_ptr<void> companion) const {
    auto both = std::make_shared<std::pair<std::shared_ptr<BackendStorage>, std::shared_ptr<void>>>(
        storage_, std::move(companion));
    return Tensor(std::shared_ptr<BackendStorage>(std::move(both), storage_.get()), rows_, cols_);
  }

 private:
  std::shared_ptr<BackendStorage> storage_;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
};

/// Weights prepared once. `linear`: [rows = out, cols = in], possibly several matrices stacked by
/// rows; `norm`: [1, size].
using Weight = Tensor;

}  // namespace trinity::backend
