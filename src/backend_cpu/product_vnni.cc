#include "backend_cpu/product_vnni.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(                                                          \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")
#endif

#undef HWY_INLINE
#define HWY_INLINE inline

namespace trinity::cpu {
namespace vnni {

#include "backend_cpu/product_tiles-inl.h"
#include "backend_cpu/product_vnni-inl.h"

struct Avx512 {
  using Vector = __m512i;
  static inline Vector load(const void* from) { return _mm512_loadu_si512(from); }
  static inline Vector start(const int32_t* from) { return _mm512_loadu_si512(from); }
  static inline Vector broadcast(const void* from) {
    int32_t four;
    std::memcpy(&four, from, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static inline void store(int32_t* to, Vector sum) { _mm512_storeu_si512(to, sum); }
  static inline Vector dot(Vector sum, Vector x, Vector w) {
    return _mm512_dpbusd_epi32(sum, x, w);
  }
  static inline void store_scaled(float* to, Vector sum, float row_scale, const float* col_scale) {
    const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(row_scale), _mm512_loadu_ps(col_scale));
    _mm512_storeu_ps(to, _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale));
  }
};

void run(const ProductTask& task) { multiply_vnni<Avx512>(task); }

}  // namespace vnni

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const ProductKernels& vnni_kernels() {
  static constexpr ProductKernels kernels{vnni::kVnniWidth, 4, vnni::run};
  return kernels;
}

}  // namespace trinity::cpu

#else

namespace trinity::cpu {
// Never chosen: vnni_in_use() is false here.
const ProductKernels& vnni_kernels() {
  static constexpr ProductKernels kernels{};
  return kernels;
}
}  // namespace trinity::cpu

#endif
