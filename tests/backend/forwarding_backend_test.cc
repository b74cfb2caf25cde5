// The base of decorators: what it passes on, and what becomes of fused operations. That it passes
// on the whole contract is held by tests/cli/source_policy_test.cc.
#include "backend/forwarding_backend.h"

#include <gtest/gtest.h>

#include "backend/op_inputs.h"
#include "backend/reference/reference_backend.h"
#include "backend/whole_backend.h"

namespace trinity::testing {
namespace {

/// The reference, which counts its norms, alone and fused with a sum.
class Counting final : public backend::ForwardingBackend {
 public:
  Counting()
      : backend::ForwardingBackend(
            backend::make_reference_backend(backend::ReferenceRounding::f32)) {}
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    ++plain;
    return backend::ForwardingBackend::rms_norm(x, weight, eps);
  }
  Result<backend::Tensor> add_rms_norm(backend::Tensor& residual, const backend::Tensor* delta,
                                       const backend::Weight& weight, float eps) override {
    ++fused;
    return backend::ForwardingBackend::add_rms_norm(residual, delta, weight, eps);
  }
  int plain = 0, fused = 0;
};

TEST(ForwardingBackend, FusedOperationsArePassedOnOrComposed) {
  Counting counting;
  backend::Backend& inner = counting;
  backend::ForwardingBackend passing(inner);
  backend::ForwardingBackend composing(inner, backend::ForwardingBackend::Fused::composed);
  prove::InputStream inputs(3);
  const prove::HostMatrix ones({5}, std::vector<float>(5, 1.0F));
  const backend::Weight weight = take(passing.prepare_norm(ones.view()));
  const std::vector<float> values = inputs.normal(10);
  const auto run = [&](backend::Backend& backend) {
    backend::Tensor residual = take(backend.upload(values, 2, 5));
    const backend::Tensor delta = take(backend.upload(values, 2, 5));
    return take(backend.download(take(backend.add_rms_norm(residual, &delta, weight, 1e-6F))));
  };
  const std::vector<float> passed = run(passing);
  EXPECT_EQ(counting.fused, 1);
  EXPECT_EQ(counting.plain, 0);
  EXPECT_EQ(run(composing), passed);
  EXPECT_EQ(counting.fused, 1);
  EXPECT_EQ(counting.plain, 1);
}

TEST(ForwardingBackend, CapabilitiesAreThoseOfTheInnerOne) {
  WholeBackend whole(backend::make_reference_backend(backend::ReferenceRounding::f32));
  backend::Backend& inner = whole;
  backend::ForwardingBackend passing(inner);
  backend::ForwardingBackend composing(inner, backend::ForwardingBackend::Fused::composed);
  EXPECT_EQ(passing.whole_pass(), &whole);
  EXPECT_EQ(composing.whole_pass(), nullptr) << "changed operations would not show in it";
  EXPECT_EQ(passing.dense_algebra(), whole.dense_algebra());
  EXPECT_NE(passing.dense_algebra(), nullptr);
  EXPECT_EQ(&passing.info(), &whole.info());
}

/// Whoever holds the last handle of a weight, its bytes are counted until then and no longer.
TEST(WeightBytes, AreThoseOfLivingWeights) {
  const auto backend = backend::make_reference_backend(backend::ReferenceRounding::f32);
  const prove::HostMatrix norm({5}, std::vector<float>(5, 1.0F));
  const prove::HostMatrix matrix({3, 5}, std::vector<float>(15, 1.0F));
  const TensorView view = matrix.view();
  {
    const backend::Weight first = take(backend->prepare_norm(norm.view()));
    EXPECT_EQ(backend->weight_bytes(), 5 * sizeof(float));
    backend::Weight second = take(backend->prepare_linear({&view, 1}));
    const backend::Weight copy = second;
    second = backend::Weight();
    EXPECT_EQ(backend->weight_bytes(), 20 * sizeof(float));
  }
  EXPECT_EQ(backend->weight_bytes(), 0U);
}

}  // namespace
}  // namespace trinity::testing
