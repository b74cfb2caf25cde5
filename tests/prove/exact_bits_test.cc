// Published bits: generated inputs, what is recorded of a lane, and what a comparison says.
//
// The comparisons are shown with the reference lane, whose bits do not depend on anything, and with
// backends that are it but for the last bit of one operation.
#include "prove/golden/exact_bits.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "backend/forwarding_backend.h"
#include "backend/reference/reference_backend.h"
#include "backend_registry/registry.h"
#include "hash/canonical.h"
#include "prove/eval/cases.h"
#include "prove/golden/exact_inputs.h"
#include "prove/lab_support.h"
#include "prove/matrix/report.h"

namespace trinity::testing {
namespace {

/// The reference with one bit of one value of an operation flipped.
class OneBitOff final : public backend::ForwardingBackend {
 public:
  explicit OneBitOff(std::string op)
      : backend::ForwardingBackend(backend::make_reference_backend(backend::ReferenceRounding::f32),
                                   Fused::composed),
        op_(std::move(op)) {}

  Result<backend::Tensor> rope(const backend::Tensor& x, std::span<const int64_t> positions,
                               int64_t head_dim, const backend::Rope& rope) override {
    return off("rope", backend::ForwardingBackend::rope(x, positions, head_dim, rope));
  }
  Result<backend::Tensor> add(const backend::Tensor& a, const backend::Tensor& b) override {
    return off("add", backend::ForwardingBackend::add(a, b));
  }
  Result<backend::Tensor> silu_mul(const backend::Tensor& gate,
                                   const backend::Tensor& up) override {
    return off("silu_mul", backend::ForwardingBackend::silu_mul(gate, up));
  }
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    return off("rms_norm", backend::ForwardingBackend::rms_norm(x, weight, eps));
  }
  Result<backend::Tensor> attention(const backend::Tensor& q,
                                    std::span<const backend::SequenceSlice> slices, int64_t layer,
                                    const backend::AttentionShape& shape) override {
    return off("attention", backend::ForwardingBackend::attention(q, slices, layer, shape));
  }
  Result<backend::Tensor> mlp(const backend::Tensor& x, const backend::Weight& gate_up,
                              const backend::Weight& down) override {
    return off("mlp", backend::ForwardingBackend::mlp(x, gate_up, down));
  }

 private:
  Result<backend::Tensor> off(const std::string& op, Result<backend::Tensor> result) {
    if (!result || op != op_) return result;
    std::vector<float> values = take(download(*result));
    values.back() = std::bit_cast<float>(std::bit_cast<uint32_t>(values.back()) ^ 1U);
    return upload(values, result->rows(), result->cols());
  }

  std::string op_;
};

prove::MatrixLane reference_lane() {
  return take(prove::named_lanes(std::vector<std::string>{"reference"}, 1)).lanes.front();
}

bool is_short(std::span<const int32_t> ids) { return ids.size() < 12; }

/// The reference's bits, short cases only, published as "f32".
const prove::PublishedBits& published() {
  static const prove::PublishedBits bits = [] {
    prove::PublishedBits all = take(prove::empty_published_bits());
    all.arithmetic["f32"] = take(prove::record_exact_bits(reference_lane(), is_short));
    return all;
  }();
  return bits;
}

const prove::ExactBits& here() { return published().arithmetic.at("f32"); }

prove::ExactComparison compare(const prove::ExactBits& bits,
                               const prove::PublishedBits& with = published()) {
  return prove::compare_exact_bits("a_lane", "f32", bits, with,
                                   take(prove::empty_published_bits()));
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- inputs -------------------------------------------------------------------------------------

TEST(ExactInputs, AreTheSameBitsOnEveryMachine) {
  prove::ExactInputs inputs(1);
  EXPECT_EQ(hash::f32_sha256(inputs.rows(17, 31)),
            "0cbc27c27d20255501c0c64bf06ef44920c91ec9926e01b6258ecb7f852b93dc");
  EXPECT_EQ(hash::f32_sha256(inputs.weight(5, 75, DType::bf16).values()),
            "6b579c6df742743c6741f1144df5ca3671058b31f55695a12154ba430d099a13");
  EXPECT_EQ(hash::f32_sha256(inputs.norm(14, DType::f32).values()),
            "54d15350f7374addba61837c08ab909ee9cf36c0b61361d82d641f96be47be19");
}

TEST(ExactInputs, HoldSubnormalLargeAndFullMantissas) {
  prove::ExactInputs inputs(3);
  int subnormal = 0, large = 0, full = 0;
  for (const float value : inputs.rows(16, 64)) {
    ASSERT_TRUE(std::isfinite(value));
    subnormal += std::fpclassify(value) == FP_SUBNORMAL;
    large += std::abs(value) > 1e5F;
    full += (std::bit_cast<uint32_t>(value) & 3U) != 0;
  }
  EXPECT_GT(subnormal, 30);
  EXPECT_GT(large, 30);
  EXPECT_GT(full, 200);
}

// ---- recording ----------------------------------------------------------------------------------

TEST(ExactBits, EveryOperationHasItsOwnHashInTheOrderOfTheForwardPass) {
  std::set<std::string> hashes;
  ASSERT_EQ(here().ops.size(), prove::exact_op_names().size());
  for (size_t i = 0; i < here().ops.size(); ++i) {
    EXPECT_EQ(here().ops[i].op, prove::exact_op_names()[i]);
    EXPECT_TRUE(hashes.insert(here().ops[i].sha256).second) << here().ops[i].op;
  }
  EXPECT_GE(here().cases.size(), 3u);
  for (const prove::CaseBits& one : here().cases) {
    EXPECT_EQ(one.route_hash.size(), 64u) << one.id;
    EXPECT_EQ(one.logits_sha256.size(), 64u) << one.id;
  }
}

TEST(ExactBits, CasesHaveTheRouteHashesOfTheRouter) {
  const auto router = take(Router::load(tiny_options("reference")));
  const prove::EvalCaseSet set = take(prove::built_in_eval_cases());
  DecisionRule rule;
  rule.hashes = true;
  for (const prove::CaseBits& one : here().cases)
    for (const prove::EvalCase& eval_case : set.cases)
      if (eval_case.id == one.id) {
        const Decision decision = take(router.route(eval_case.messages, {}, rule));
        EXPECT_EQ(decision.route_hash, one.route_hash) << one.id;
        EXPECT_EQ(hash::f32_sha256(decision.logits), one.logits_sha256) << one.id;
      }
}

// ---- comparing ----------------------------------------------------------------------------------

TEST(ExactBits, ALaneComparedWithItselfHasThePublishedBits) {
  const prove::ExactComparison comparison = compare(here());
  EXPECT_TRUE(comparison.passed());
  EXPECT_EQ(comparison.ops, prove::exact_op_names().size());
  EXPECT_EQ(comparison.cases, here().cases.size());
  EXPECT_TRUE(contains(comparison.sentence(), "this machine's bits are the published ones"));
}

class OneBit : public ::testing::TestWithParam<std::string> {};

TEST_P(OneBit, OfAnOperationIsFoundUnderItsName) {
  OneBitOff backend(GetParam());
  const prove::ExactComparison comparison = compare({take(prove::exact_op_bits(backend)), {}});
  ASSERT_FALSE(comparison.passed());
  EXPECT_EQ(comparison.parted_ops.front(), GetParam());
  EXPECT_TRUE(contains(comparison.sentence(), "first in operation " + GetParam()))
      << comparison.sentence();
}

INSTANTIATE_TEST_SUITE_P(Operations, OneBit,
                         ::testing::Values("rms_norm", "rope", "add", "silu_mul", "attention",
                                           "mlp"),
                         [](const auto& op) { return op.param; });

TEST(ExactBits, ACaseThatPartsIsNamed) {
  prove::ExactBits bits = here();
  bits.cases[1].logits_sha256 = std::string(64, '0');
  bits.cases[2].route_hash = std::string(64, '0');
  const prove::ExactComparison comparison = compare(bits);
  EXPECT_EQ(comparison.parted_cases,
            (std::vector<std::string>{bits.cases[1].id, bits.cases[2].id}));
  EXPECT_TRUE(contains(comparison.sentence(), "first in case " + bits.cases[1].id));
}

TEST(ExactBits, AnEmptyTableSaysThatNothingIsPublished) {
  prove::PublishedBits empty = published();
  empty.arithmetic["f32"] = {};
  for (const prove::PublishedBits& with : {empty, prove::PublishedBits()}) {
    const prove::ExactComparison comparison = compare(here(), with);
    EXPECT_FALSE(comparison.passed());
    EXPECT_TRUE(contains(comparison.sentence(), "nothing is published for the arithmetic f32"));
    EXPECT_TRUE(contains(comparison.sentence(), "trinity lab golden --out"));
  }
}

TEST(ExactBits, WhatTheTableLacksHasParted) {
  prove::PublishedBits less = published();
  less.arithmetic["f32"].ops.erase(less.arithmetic["f32"].ops.begin());
  less.arithmetic["f32"].cases.pop_back();
  const prove::ExactComparison comparison = compare(here(), less);
  EXPECT_EQ(comparison.parted_ops, std::vector<std::string>{prove::exact_op_names().front()});
  EXPECT_EQ(comparison.parted_cases, std::vector<std::string>{here().cases.back().id});
}

TEST(ExactBits, CasesOfAnotherRouterAreNotHeldAgainstTheMachine) {
  prove::PublishedBits other = published();
  other.router_sha256 = std::string(64, '0');
  const prove::ExactComparison comparison = compare(here(), other);
  EXPECT_FALSE(comparison.passed());
  EXPECT_TRUE(comparison.parted_cases.empty());
  EXPECT_TRUE(contains(comparison.sentence(), "another tiny router"));
  EXPECT_TRUE(compare({here().ops, {}}, other).passed()) << "operations need no router";
}

TEST(ExactBits, ALaneWithoutDefinedBitsIsRefused) {
  EXPECT_EQ(prove::compare_with_published(reference_lane()).error().tag, "lane_without_exact_bits");
  EXPECT_EQ(prove::exact_arithmetic("cpu_f32"), prove::exact_arithmetic("reference_exact"));
  EXPECT_EQ(prove::exact_arithmetic("cpu_int8"), prove::exact_arithmetic("reference_exact_int8"));
  EXPECT_NE(prove::exact_arithmetic("cpu_f32"), prove::exact_arithmetic("cpu_int8"));
  EXPECT_FALSE(prove::exact_arithmetic("cpu_bf16"));
}

TEST(ExactBits, TheMatrixFailsWhenTheyPart) {
  prove::MatrixReport report;
  report.exact = {compare(here())};
  EXPECT_TRUE(report.passed());
  report.exact = {compare({{{"linear", "other"}}, {}})};
  EXPECT_FALSE(report.passed());
  EXPECT_TRUE(contains(prove::blame_text(report), "a_lane: this machine's bits part"))
      << prove::blame_text(report);
}

// ---- the file -----------------------------------------------------------------------------------

TEST(PublishedBitsFile, ReadsBackAsWritten) {
  const std::string text = prove::published_bits_text(published());
  const prove::PublishedBits back = take(prove::read_published_bits(text));
  EXPECT_EQ(prove::published_bits_text(back), text);
  EXPECT_TRUE(compare(here(), back).passed());
  EXPECT_EQ(
      prove::published_bits_text(take(prove::read_published_bits(prove::published_bits_text({})))),
      prove::published_bits_text({}));
}

TEST(PublishedBitsFile, RefusesWhatItCannotRead) {
  for (const auto& [text, tag] :
       {std::pair{"{", "invalid_json"},
        {R"({"schema_version":2})", "unsupported_schema_version"},
        {R"([])", "unsupported_schema_version"},
        {R"({"schema_version":1})", "invalid_exact_bits"},
        {R"({"schema_version":1,"router_sha256":"","cases_sha256":"","arithmetic":[]})",
         "invalid_exact_bits"},
        {R"({"schema_version":1,"router_sha256":"","cases_sha256":"","arithmetic":{"f32":{}}})",
         "invalid_exact_bits"},
        {R"({"schema_version":1,"router_sha256":"","cases_sha256":"","arithmetic":{"f32":)"
         R"({"ops":{"embed":1},"cases":[]}}})",
         "invalid_exact_bits"},
        {R"({"schema_version":1,"router_sha256":"","cases_sha256":"","arithmetic":{"f32":)"
         R"({"ops":{},"cases":[{"id":"a"}]}}})",
         "invalid_exact_bits"}}) {
    const auto bits = prove::read_published_bits(text);
    ASSERT_FALSE(bits) << text;
    EXPECT_EQ(bits.error().tag, tag) << text;
  }
}

/// Fails until `trinity lab golden --out lab/golden/exact_bits.json` was run with exact lanes.
TEST(PublishedBitsFile, HoldsEveryOperationAndCaseOfBothArithmetics) {
  const prove::PublishedBits built_in = take(prove::built_in_published_bits());
  const prove::PublishedBits program = take(prove::empty_published_bits());
  EXPECT_EQ(built_in.router_sha256, program.router_sha256);
  EXPECT_EQ(built_in.cases_sha256, program.cases_sha256);
  const size_t cases = take(prove::built_in_eval_cases()).cases.size();
  for (const char* backend : {"cpu_f32", "cpu_int8"}) {
    const auto table = built_in.arithmetic.find(*prove::exact_arithmetic(backend));
    ASSERT_NE(table, built_in.arithmetic.end()) << "nothing is published for " << backend;
    EXPECT_EQ(table->second.ops.size(), prove::exact_op_names().size()) << backend;
    EXPECT_EQ(table->second.cases.size(), cases) << backend;
  }
}

TEST(PublishedBitsFile, IsRightForEveryExactLaneHere) {
  int compared = 0;
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    if (entry.exactness != backend::Exactness::exact || entry.unavailable_reason()) continue;
    const prove::MatrixLane lane =
        take(prove::named_lanes(std::vector<std::string>{"custom:" + entry.id}, 2)).lanes.front();
    const bool slow = entry.id.starts_with("reference");
    const prove::ExactComparison comparison = take(prove::compare_with_published(
        lane, slow ? prove::CaseFilter(is_short) : prove::CaseFilter()));
    EXPECT_TRUE(comparison.passed()) << entry.id << ": " << comparison.sentence();
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "SKIPPED: no lane of this build is exact";
}

}  // namespace
}  // namespace trinity::testing
