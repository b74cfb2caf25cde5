// Rows of the embedding, read on the host.
//
// A pass needs a few rows of a table that is a quarter of a model. They are read where the table
// lies, a mapped file, or computed when they are asked for, and uploaded; the table itself never
// becomes a weight of a backend.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace trinity::model {

class EmbeddingRows {
 public:
  virtual ~EmbeddingRows() = default;
  virtual int64_t vocab_size() const = 0;
  /// Rows of the ids as f32 [ids.size(), hidden], on the thread of the backend. Error
  /// `token_out_of_range`.
  virtual Status gather(std::span<const int32_t> ids, std::span<float> out) const = 0;
};

/// Rows of a matrix [vocab, hidden] as they are stored; its memory must outlive the object.
class TableRows final : public EmbeddingRows {
 public:
  explicit TableRows(TensorView table) : table_(std::move(table)) {}
  int64_t vocab_size() const override { return table_.shape[0]; }
  Status gather(std::span<const int32_t> ids, std::span<float> out) const override;

 private:
  TensorView table_;
};

/// The error of a lookup outside the table.
tl::unexpected<Error> token_out_of_range(int64_t id, int64_t vocab_size);

}  // namespace trinity::model
