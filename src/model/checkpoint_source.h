// A checkpoint folder as the source of a model's tensors.
#pragma once

#include "model/weights.h"
#include "tensor/checkpoint.h"

namespace trinity::model {

/// `checkpoint` must outlive the source and every weight prepared from it.
class CheckpointSource final : public TensorSource {
 public:
  explicit CheckpointSource(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}
  Result<TensorView> tensor(const std::string& name) const override {
    return checkpoint_.tensor(name);
  }
  void release(const std::string& name) const override { checkpoint_.release(name); }

 private:
  const Checkpoint& checkpoint_;
};

}  // namespace trinity::model
