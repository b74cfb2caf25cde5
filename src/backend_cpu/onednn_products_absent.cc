#include "backend_cpu/onednn_products.h"

namespace trinity::cpu {

bool onednn_built_in() { return false; }
std::unique_ptr<ProductEngine> make_onednn_products(ThreadPool& /*threads*/) { return nullptr; }

}  // namespace trinity::cpu
