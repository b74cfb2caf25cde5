// Head counts that rotation and attention need.
#pragma once

#include <cstdint>

namespace trinity::backend {

/// Widths of rows are heads · head_dim.
struct AttentionShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
};

}  // namespace trinity::backend
