// Whose matrix products the MLX lanes run on: OpenBLAS's, not those of the reference BLAS that
// comes with the library (see product_library.h).
//
// Where the loader takes cblas_sgemm from is asked directly. That the library's own calls go there
// is seen in the bits: the two libraries sum in different orders.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <string>

#include "backend/op_inputs.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

using CblasSgemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                            const float* a, int lda, const float* b, int ldb, float beta, float* c,
                            int ldc);

std::string library_of(const void* symbol) {
  Dl_info info;
  return dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

void* first_in_the_program() { return dlsym(RTLD_DEFAULT, "cblas_sgemm"); }

/// The computation itself, found where only the MLX library and what it brings are searched. (Their
/// cblas_sgemm would not do: it calls sgemm_, which the loader has redirected as well.)
void* in_the_package() {
  void* library = dlopen("libmlx.so", RTLD_NOLOAD | RTLD_LAZY);
  return library == nullptr ? nullptr : dlsym(library, "sgemm_");
}

using FortranSgemm = void (*)(const char* trans_a, const char* trans_b, const int* m, const int* n,
                              const int* k, const float* alpha, const float* a, const int* lda,
                              const float* b, const int* ldb, const float* beta, float* c,
                              const int* ldc, size_t trans_a_length, size_t trans_b_length);

constexpr int kRows = 25, kIn = 1024, kOut = 192;

/// x · wᵀ in row-major order.
std::vector<float> multiplied(void* symbol, const std::vector<float>& x,
                              const std::vector<float>& w) {
  constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;
  std::vector<float> y(kRows * kOut);
  reinterpret_cast<CblasSgemm>(symbol)(kRowMajor, kNoTrans, kTrans, kRows, kOut, kIn, 1, x.data(),
                                       kIn, w.data(), kIn, 0, y.data(), kOut);
  return y;
}

/// The same by a Fortran symbol: in its column-major order that is yᵀ = w · xᵀ.
std::vector<float> multiplied_in_fortran(void* symbol, const std::vector<float>& x,
                                         const std::vector<float>& w) {
  std::vector<float> y(kRows * kOut);
  const float one = 1, zero = 0;
  reinterpret_cast<FortranSgemm>(symbol)("T", "N", &kOut, &kRows, &kIn, &one, w.data(), &kIn,
                                         x.data(), &kIn, &zero, y.data(), &kOut, 1, 1);
  return y;
}

TEST(MlxProducts, ComeFromOpenBlas) {
  void* const first = first_in_the_program();
  ASSERT_NE(first, nullptr);
  EXPECT_NE(library_of(first).find("openblas"), std::string::npos) << library_of(first);
}

TEST(MlxProducts, TheLibrarysOwnCallsGoThereToo) {
  const auto backend = take(backend::create_backend("mlx", {1}));
  prove::InputStream inputs(12);
  const auto x = inputs.normal(kRows * kIn), w = inputs.normal(kOut * kIn);
  const prove::HostMatrix matrix({kOut, kIn}, w);
  const TensorView view = matrix.view();
  const auto got = take(backend->download(take(backend->linear(
      take(backend->upload(x, kRows, kIn)), take(backend->prepare_linear({&view, 1}))))));
  EXPECT_EQ(got, multiplied(first_in_the_program(), x, w));
  void* const packaged = in_the_package();
  if (packaged == nullptr || library_of(packaged) == library_of(first_in_the_program()))
    GTEST_SKIP() << "SKIPPED: this MLX package brings no BLAS of its own to compare with";
  const auto other = multiplied_in_fortran(packaged, x, w);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(other[i], got[i], 1e-3);
  EXPECT_NE(got, other) << "products have the bits of " << library_of(packaged);
}

}  // namespace
}  // namespace trinity::testing
