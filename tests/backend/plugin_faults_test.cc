// A plugin that misbehaves in one callback: every fault in every callback is a typed error, nothing
// crashes or leaks, and the backend works again afterwards.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "backend/op_inputs.h"
#include "backend/plugin_lanes.h"
#include "backend/plugin_variants.h"
#include "backend_plugin/plugin_library.h"
#include "backend_registry/registry.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::testing {
namespace {

constexpr std::array<const char*, 20> kSlotNames = {
    "create",      "destroy",      "release",      "prepare_linear", "prepare_norm",
    "upload",      "download",     "linear",       "rms_norm",       "rope",
    "add",         "silu_mul",     "select_rows",  "attention",      "weight_bytes",
    "synchronize", "linear_split", "add_rms_norm", "norm_rope",      "mlp"};

constexpr size_t kCreate = 0, kDestroy = 1, kRelease = 2, kDownload = 6, kWeightBytes = 14,
                 kSynchronize = 15;

/// Whether the callback of this slot makes tensors.
bool makes_tensors(size_t slot) {
  return slot != kCreate && slot != kDestroy && slot != kRelease && slot != kDownload &&
         slot != kWeightBytes && slot != kSynchronize;
}

/// Uses every operation of a backend once; each of the plugin's callbacks is called.
Status use_everything(backend::Backend& backend) {
  prove::InputStream inputs(5);
  const backend::AttentionShape shape{4, 2, 8};
  const prove::HostMatrix q_matrix({32, 12}, inputs.normal(32 * 12));
  const prove::HostMatrix kv_matrix({16, 12}, inputs.normal(16 * 12));
  const prove::HostMatrix down_matrix({12, 16}, inputs.normal(12 * 16));
  const prove::HostMatrix norm_values({12}, inputs.normal(12)), head_values({8}, inputs.normal(8));
  const std::vector<TensorView> three = {q_matrix.view(), kv_matrix.view(), kv_matrix.view()};
  const std::vector<TensorView> two = {kv_matrix.view(), kv_matrix.view()};
  const TensorView one = down_matrix.view();
  TRINITY_TRY(const backend::Weight qkv_weight, backend.prepare_linear(three));
  TRINITY_TRY(const backend::Weight gate_up, backend.prepare_linear(two));
  TRINITY_TRY(const backend::Weight down, backend.prepare_linear({&one, 1}));
  TRINITY_TRY(const backend::Weight norm, backend.prepare_norm(norm_values.view()));
  TRINITY_TRY(const backend::Weight head_norm, backend.prepare_norm(head_values.view()));

  TRINITY_TRY(backend::Tensor residual, backend.upload(inputs.normal(3 * 12), 3, 12));
  TRINITY_TRY(const backend::Tensor delta, backend.upload(inputs.normal(3 * 12), 3, 12));
  TRINITY_TRY(const backend::Tensor x, backend.add_rms_norm(residual, &delta, norm, 1e-6f));
  TRINITY_TRY(const std::vector<backend::Tensor> qkv, backend.linear_split(x, qkv_weight));
  TRINITY_TRY(auto cache, backend.make_kv_cache({1, 2, 8}));
  const backend::SequenceSlice slice{0, 3, 0, cache.get()};
  TRINITY_TRY(const backend::Tensor q,
              backend.qk_norm_rope_append({qkv[0], qkv[1], qkv[2]}, head_norm, head_norm, 1e-6f,
                                          1e6, {&slice, 1}, 0, shape));
  TRINITY_TRY(const backend::Tensor mixed, backend.attention(q, {&slice, 1}, 0, shape));
  TRINITY_TRY(const backend::Tensor y, backend.mlp(x, gate_up, down));
  TRINITY_TRY(const backend::Tensor sum, backend.add(residual, y));
  TRINITY_TRY(const backend::Tensor last, backend.select_rows(sum, std::vector<int64_t>{2}));
  TRINITY_TRY(const backend::Tensor normed, backend.rms_norm(last, norm, 1e-6f));
  TRINITY_TRY(const backend::Tensor gated, backend.silu_mul(qkv[1], qkv[2]));
  TRINITY_TRY(const backend::Tensor out, backend.linear(gated, down));
  TRINITY_TRY(const backend::Tensor turned,
              backend.rope(mixed, std::vector<int64_t>{0, 1, 2}, 8, 1e6));
  TRINITY_TRY(const std::vector<float> values, backend.download(turned));
  TRINITY_CHECK(backend.synchronize());
  return {};
}

template <typename Value>
std::string tag(const Result<Value>& result) {
  return result ? "no error" : result.error().tag;
}

class PluginFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = take(plugin::load_plugin(plugin_path("plugin_fused")))->path;
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
    ASSERT_NE(library, nullptr);
    set_fault = reinterpret_cast<SetFault*>(dlsym(library, kSetFault));
    count_live = reinterpret_cast<CountLive*>(dlsym(library, kCountLive));
    ASSERT_NE(set_fault, nullptr);
    ASSERT_NE(count_live, nullptr);
    set_fault(0, Fault::none);
    ASSERT_EQ(count_live(), 0u);
  }

  /// Makes a backend and uses everything, with a fault in one slot.
  Status with_fault(size_t slot, Fault fault) {
    set_fault(slot, fault);
    Status status;
    {
      auto backend = backend::create_backend("plugin:fused", {1});
      status = backend ? use_everything(**backend) : Status(tl::unexpected(backend.error()));
    }
    set_fault(slot, Fault::none);
    return status;
  }

  void expect_error(size_t slot, Fault fault, const std::string& tag) {
    SCOPED_TRACE(fmt::format("{} with fault {}", kSlotNames[slot], static_cast<int>(fault)));
    const Status status = with_fault(slot, fault);
    ASSERT_FALSE(status) << "nobody noticed";
    EXPECT_EQ(status.error().tag, tag) << status.error().message;
    const std::string& message = status.error().message;
    EXPECT_NE(message.find(kSlotNames[slot]), std::string::npos) << message;
    EXPECT_LE(message.size(), TRINITY_PLUGIN_MAX_ERROR + 200u);
    EXPECT_TRUE(is_valid_utf8(message));
    for (const char c : message)
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << static_cast<int>(c);
    EXPECT_EQ(message.find("\xC2\x9B"), std::string::npos);
    EXPECT_EQ(count_live(), 0u) << "something was not given back";
  }

  SetFault* set_fault = nullptr;
  CountLive* count_live = nullptr;
};

TEST_F(PluginFaults, WithoutOneEverythingWorksAndIsGivenBack) {
  const Status status = with_fault(0, Fault::none);
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(count_live(), 0u);
}

TEST_F(PluginFaults, ReturnedErrors) {
  for (size_t slot = 0; slot < kSlotNames.size(); ++slot)
    if (slot != kDestroy && slot != kRelease && slot != kWeightBytes)
      for (const Fault fault : {Fault::long_text, Fault::empty_text})
        expect_error(slot, fault, "plugin_failed");
}

TEST_F(PluginFaults, ThrownExceptions) {
  for (size_t slot = 0; slot < kSlotNames.size(); ++slot)
    if (slot != kDestroy && slot != kRelease)
      for (const Fault fault : {Fault::throws, Fault::throws_number})
        expect_error(slot, fault, "plugin_exception");
}

TEST_F(PluginFaults, ExceptionsWhileGivingBackEndWhereTheyCannotBeReported) {
  for (const size_t slot : {kDestroy, kRelease})
    for (const Fault fault : {Fault::throws, Fault::throws_number}) {
      const Status status = with_fault(slot, fault);
      EXPECT_TRUE(status) << status.error().message;
      EXPECT_EQ(count_live(), 0u);
    }
}

TEST_F(PluginFaults, NullHandles) {
  for (size_t slot = 0; slot < kSlotNames.size(); ++slot)
    if (slot == kCreate || makes_tensors(slot))
      expect_error(slot, Fault::null_handle, "plugin_null_handle");
}

TEST_F(PluginFaults, HandlesThatAreStillInUse) {
  for (size_t slot = 0; slot < kSlotNames.size(); ++slot)
    if (makes_tensors(slot)) expect_error(slot, Fault::reused_handle, "plugin_handle_in_use");
}

TEST_F(PluginFaults, WrongShapes) {
  for (size_t slot = 0; slot < kSlotNames.size(); ++slot)
    if (makes_tensors(slot))
      for (const Fault fault :
           {Fault::one_row_more, Fault::one_column_less, Fault::negative_rows, Fault::huge_rows})
        expect_error(slot, fault, "plugin_shape_mismatch");
}

TEST_F(PluginFaults, NotANumberIsPassedOn) {
  set_fault(5, Fault::not_a_number);  // upload
  const auto backend = take(backend::create_backend("plugin:fused", {1}));
  const backend::Tensor tensor = take(backend->upload(std::vector<float>(6, 1.0f), 2, 3));
  set_fault(5, Fault::none);
  EXPECT_TRUE(std::isnan(take(backend->download(tensor)).front()));
}

TEST_F(PluginFaults, TheBackendWorksAgainAfterAnError) {
  const auto backend = take(backend::create_backend("plugin:fused", {1}));
  for (size_t slot = 3; slot < kSlotNames.size(); ++slot) {
    set_fault(slot, Fault::throws);
    EXPECT_FALSE(use_everything(*backend)) << kSlotNames[slot];
    set_fault(slot, Fault::none);
    const Status status = use_everything(*backend);
    EXPECT_TRUE(status) << status.error().message;
    EXPECT_EQ(count_live(), 1u) << "the instance alone";
  }
}

/// Arguments that do not fit are refused by the host, before the plugin could read outside them.
TEST_F(PluginFaults, WrongArgumentsNeverReachThePlugin) {
  const auto backend = take(backend::create_backend("plugin:fused", {1}));
  const auto tensor = [&](int64_t rows, int64_t cols) {
    return take(
        backend->upload(std::vector<float>(static_cast<size_t>(rows * cols), 1.0f), rows, cols));
  };
  const prove::HostMatrix matrix({4, 6}, std::vector<float>(24, 1.0f));
  const prove::HostMatrix vector({4}, std::vector<float>(4, 1.0f));
  const TensorView view = matrix.view();
  const backend::Weight weight = take(backend->prepare_linear({&view, 1}));
  const backend::Weight norm = take(backend->prepare_norm(vector.view()));
  backend::Tensor residual = tensor(2, 8);
  const backend::Tensor narrow = tensor(2, 5), short_one = tensor(1, 8);
  auto cache = take(backend->make_kv_cache({1, 2, 4}));
  const backend::SequenceSlice slice{0, 2, 0, cache.get()}, late{0, 2, 1, cache.get()};
  const backend::SequenceSlice outside{1, 2, 0, cache.get()};
  const std::vector<std::pair<std::string, std::string>> tags = {
      {"upload", tag(backend->upload(std::vector<float>(5), 2, 3))},
      {"upload of nothing", tag(backend->upload({}, 0, 3))},
      {"linear", tag(backend->linear(narrow, weight))},
      {"linear_split", tag(backend->linear_split(narrow, weight))},
      {"rms_norm", tag(backend->rms_norm(narrow, norm, 1e-6f))},
      {"add_rms_norm", tag(backend->add_rms_norm(residual, &short_one, norm, 1e-6f))},
      {"add", tag(backend->add(residual, short_one))},
      {"silu_mul", tag(backend->silu_mul(residual, narrow))},
      {"rope, positions", tag(backend->rope(residual, std::vector<int64_t>{0}, 4, 1e6))},
      {"rope, heads", tag(backend->rope(residual, std::vector<int64_t>{0, 1}, 3, 1e6))},
      {"select_rows", tag(backend->select_rows(residual, std::vector<int64_t>{2}))},
      {"select_rows, negative", tag(backend->select_rows(residual, std::vector<int64_t>{-1}))},
      {"select_rows, none", tag(backend->select_rows(residual, {}))},
      {"append_kv, shape", tag(backend->append_kv(residual, narrow, {&slice, 1}, 0))},
      {"append_kv, rows", tag(backend->append_kv(residual, residual, {&outside, 1}, 0))},
      {"attention, no keys", tag(backend->attention(residual, {&slice, 1}, 0, {2, 2, 4}))},
      {"attention, heads", tag(backend->attention(residual, {&slice, 1}, 0, {3, 2, 4}))},
      {"mlp", tag(backend->mlp(narrow, weight, weight))},
  };
  for (const auto& [call, got] : tags) EXPECT_EQ(got, "tensor_shape_mismatch") << call;
  EXPECT_EQ(tag(backend->append_kv(residual, residual, {&late, 1}, 0)), "kv_position_mismatch");
  backend::Rope stretched(1e6);
  stretched.scaling = backend::RopeScaling::yarn;
  EXPECT_EQ(tag(backend->rope(residual, std::vector<int64_t>{0, 1}, 4, stretched)),
            "unsupported_rope_scaling");
}

}  // namespace
}  // namespace trinity::testing
