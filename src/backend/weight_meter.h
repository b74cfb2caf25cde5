// The bytes of a backend's prepared weights that are alive.
//
// Weights of a loaded model may be replaced, so a sum of everything that was ever prepared would
// grow without bound. Each weight carries its share and gives it back with its last handle.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "backend/tensor_handle.h"

namespace trinity::backend {

class WeightMeter {
 public:
  /// The same weight, counted until its last handle goes; the meter may be gone by then.
  Weight count(const Weight& weight, size_t bytes) {
    return weight.accompanied_by(std::make_shared<Share>(total_, bytes));
  }
  /// May be asked from any thread.
  size_t bytes() const { return *total_; }

 private:
  using Total = std::shared_ptr<std::atomic<size_t>>;

  struct Share {
    Share(Total sum, size_t own) : total(std::move(sum)), bytes(own) { *total += bytes; }
    ~Share() { *total -= bytes; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    Total total;
    size_t bytes;
  };

  Total total_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace trinity::backend
