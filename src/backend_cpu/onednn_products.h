// bf16 products by oneDNN: weights packed once, one primitive for each shape and row count.
//
// Its kernels are chosen by the library, from the shape, the threads and the processor; what may be
// promised about their bits is found out by a probe (lane_promises.h). A primitive is built for a
// fixed row count, which takes a fraction of a millisecond, so above 128 rows the count is rounded
// up (callers allocate that many rows) and primitives are kept.
#pragma once

#include <memory>

#include "backend_cpu/product_engine.h"
#include "backend_cpu/thread_pool.h"

namespace trinity::cpu {

/// Whether this build has oneDNN; without it `make_onednn_products` returns null.
bool onednn_built_in();

/// Inputs are bf16. `threads` packs weights; oneDNN's own team of the same size multiplies.
std::unique_ptr<ProductEngine> make_onednn_products(ThreadPool& threads);

}  // namespace trinity::cpu
