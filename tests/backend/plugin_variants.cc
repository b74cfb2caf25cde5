// Three more plugins out of the OpenBLAS example's code, for what the example does not show.
//
// `plugin_bare` brings the mandatory callbacks only. `plugin_fused` brings all of them, the fused
// ones composed of the example's; it misbehaves in one callback when it is told to, and counts what
// it gave out and did not get back. Both keep the example's arithmetic. `plugin_wrong` is
// `plugin_bare` with a rotation that turns the other way: well-behaved, and not to be trusted.
#include "backend/plugin_variants.h"

#include <trinity/backend_plugin.h>

#include <array>
#include <bit>
#include <exception>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

// The example's discovery function, renamed by the build.
extern "C" const trinity_plugin_bootstrap_v1* openblas_example_plugin(void);

namespace {

using trinity::testing::Fault;
using Instance = trinity_plugin_backend;
using PluginError = trinity_plugin_error;
using PluginTensor = trinity_plugin_tensor;
using Table = trinity_plugin_callbacks_v1;

[[maybe_unused]] constexpr std::size_t kSlots = TRINITY_PLUGIN_CALLBACK_COUNT_V1;
[[maybe_unused]] constexpr std::size_t kLinearSplit = 16;

const Table& example() { return *openblas_example_plugin()->descriptor->callbacks; }

// ---- fused operations, composed of the example's ----

PluginError copy_of(Instance* instance, const PluginTensor* x, PluginTensor* out) {
  std::vector<int64_t> rows(static_cast<std::size_t>(x->rows));
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = static_cast<int64_t>(r);
  return example().select_rows(instance, x, rows.data(), x->rows, out);
}

PluginError add_rms_norm(Instance* instance, const PluginTensor* residual,
                         const PluginTensor* delta, const PluginTensor* weight, float eps,
                         PluginTensor* sum, PluginTensor* normed) {
  PluginError error = delta == nullptr ? copy_of(instance, residual, sum)
                                       : example().add(instance, residual, delta, sum);
  if (error != nullptr) return error;
  error = example().rms_norm(instance, sum, weight, eps, normed);
  if (error != nullptr) example().release(instance, sum->storage);
  return error;
}

PluginError norm_rope(Instance* instance, const PluginTensor* x, const PluginTensor* weight,
                      float eps, const int64_t* positions, int64_t head_dim, double theta,
                      PluginTensor* out) {
  PluginTensor normed{};
  PluginError error = example().rms_norm(instance, x, weight, eps, &normed);
  if (error != nullptr) return error;
  error = example().rope(instance, &normed, positions, head_dim, theta, out);
  example().release(instance, normed.storage);
  return error;
}

PluginError mlp(Instance* instance, const PluginTensor* x, const PluginTensor* gate_up,
                const PluginTensor* down, PluginTensor* out) {
  const std::array<int64_t, 2> sizes = {down->cols, down->cols};
  std::array<PluginTensor, 2> parts{};
  PluginTensor hidden{};
  PluginError error = example().linear_split(instance, x, gate_up, sizes.data(), 2, parts.data());
  if (error != nullptr) return error;
  error = example().silu_mul(instance, &parts[0], &parts[1], &hidden);
  if (error == nullptr) {
    error = example().linear(instance, &hidden, down, out);
    example().release(instance, hidden.storage);
  }
  for (const PluginTensor& part : parts) example().release(instance, part.storage);
  return error;
}

PluginError synchronize(Instance*) { return nullptr; }

Table all_callbacks() {
  Table table = example();
  table.synchronize = synchronize;
  table.add_rms_norm = add_rms_norm;
  table.norm_rope = norm_rope;
  table.mlp = mlp;
  return table;
}

#ifdef TRINITY_TEST_PLUGIN_FUSED

// ---- misbehaviour ----

struct State {
  std::mutex mutex;
  std::size_t slot = 0;
  Fault fault = Fault::none;
  std::size_t instances = 0;
  std::set<trinity_plugin_storage*> tensors;
};

State& state() {
  static State all;
  return all;
}

Fault fault_of(std::size_t slot) {
  const std::lock_guard lock(state().mutex);
  return state().slot == slot ? state().fault : Fault::none;
}

template <typename Function>
Function* honest(std::size_t slot) {
  static const auto slots = std::bit_cast<std::array<void (*)(), kSlots>>(all_callbacks());
  return reinterpret_cast<Function*>(slots[slot]);
}

void throw_if(Fault fault) {
  if (fault == Fault::throws) throw std::runtime_error("thrown\x1b[31m across the border");
  if (fault == Fault::throws_number) throw 42;
}

PluginError text_of(Fault fault) {
  static const std::string nasty = [] {
    std::string text;
    while (text.size() < 10'000) text += "bad\x1b[31m\n\x7f\xc2\x9b\xff ";
    return text;
  }();
  if (fault == Fault::long_text) return nasty.c_str();
  return fault == Fault::empty_text ? "" : nullptr;
}

void make_not_a_number(Instance* instance, PluginTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.rows * tensor.cols));
  example().download(instance, &tensor, values.data());
  example().release(instance, tensor.storage);
  values.front() = std::numeric_limits<float>::quiet_NaN();
  example().upload(instance, values.data(), tensor.rows, tensor.cols, &tensor);
}

/// Spoils a fresh result as the fault says and counts what the host will own.
void hand_over(Instance* instance, PluginTensor& made, Fault fault) {
  if (fault == Fault::not_a_number) make_not_a_number(instance, made);
  const std::lock_guard lock(state().mutex);
  auto& tensors = state().tensors;
  if (fault == Fault::null_handle) {
    example().release(instance, made.storage);
    made.storage = nullptr;
    return;
  }
  if (fault == Fault::reused_handle && !tensors.empty()) {
    example().release(instance, made.storage);
    made.storage = *tensors.begin();
    return;
  }
  tensors.insert(made.storage);
  if (fault == Fault::one_row_more) made.rows += 1;
  if (fault == Fault::one_column_less) made.cols -= 1;
  if (fault == Fault::negative_rows) made.rows = -made.rows;
  if (fault == Fault::huge_rows) made.rows = std::numeric_limits<int64_t>::max();
}

void hand_over(Instance*& made, Fault fault) {
  if (fault == Fault::null_handle) {
    example().destroy(made);
    made = nullptr;
    return;
  }
  const std::lock_guard lock(state().mutex);
  ++state().instances;
}

/// The callback of a slot with the fault of that slot, whatever its signature.
template <std::size_t kSlot, typename Function>
struct Faulty;

template <std::size_t kSlot, typename... Arguments>
struct Faulty<kSlot, PluginError(Arguments...)> {
  static PluginError call(Arguments... arguments) {
    const Fault fault = fault_of(kSlot);
    throw_if(fault);
    if (const PluginError text = text_of(fault)) return text;
    const PluginError error = honest<PluginError(Arguments...)>(kSlot)(arguments...);
    if (error != nullptr) return error;
    const std::tuple<Arguments...> all(arguments...);
    if constexpr (kSlot == kLinearSplit) {
      for (int64_t i = 0; i < std::get<4>(all); ++i)
        hand_over(std::get<0>(all), std::get<5>(all)[i], i == 0 ? fault : Fault::none);
    } else {
      (take(std::get<0>(all), arguments, fault), ...);
    }
    return nullptr;
  }

 private:
  template <typename First>
  static void take(First first, PluginTensor* made, Fault fault) {
    hand_over(first, *made, fault);
  }
  template <typename First>
  static void take(First, Instance** made, Fault fault) {
    hand_over(*made, fault);
  }
  template <typename First, typename Other>
  static void take(First, const Other&, Fault) {}
};

template <std::size_t kSlot>
struct Faulty<kSlot, void(Instance*)> {
  static void call(Instance* instance) {
    {
      const std::lock_guard lock(state().mutex);
      --state().instances;
    }
    honest<void(Instance*)>(kSlot)(instance);
    throw_if(fault_of(kSlot));
  }
};

template <std::size_t kSlot>
struct Faulty<kSlot, void(Instance*, trinity_plugin_storage*)> {
  static void call(Instance* instance, trinity_plugin_storage* storage) {
    {
      const std::lock_guard lock(state().mutex);
      if (state().tensors.erase(storage) != 1) std::terminate();  // released twice
    }
    honest<void(Instance*, trinity_plugin_storage*)>(kSlot)(instance, storage);
    throw_if(fault_of(kSlot));
  }
};

template <std::size_t kSlot>
struct Faulty<kSlot, uint64_t(Instance*)> {
  static uint64_t call(Instance* instance) {
    throw_if(fault_of(kSlot));
    return honest<uint64_t(Instance*)>(kSlot)(instance);
  }
};

template <std::size_t kSlot, typename Function>
void spoil(Function*& slot) {
  slot = Faulty<kSlot, Function>::call;
}

Table callbacks_of_variant() {
  Table table = all_callbacks();
  spoil<0>(table.create);
  spoil<1>(table.destroy);
  spoil<2>(table.release);
  spoil<3>(table.prepare_linear);
  spoil<4>(table.prepare_norm);
  spoil<5>(table.upload);
  spoil<6>(table.download);
  spoil<7>(table.linear);
  spoil<8>(table.rms_norm);
  spoil<9>(table.rope);
  spoil<10>(table.add);
  spoil<11>(table.silu_mul);
  spoil<12>(table.select_rows);
  spoil<13>(table.attention);
  spoil<14>(table.weight_bytes);
  spoil<15>(table.synchronize);
  spoil<16>(table.linear_split);
  spoil<17>(table.add_rms_norm);
  spoil<18>(table.norm_rope);
  spoil<19>(table.mlp);
  return table;
}

constexpr const char* kName = "fused";

#else

#ifdef TRINITY_TEST_PLUGIN_WRONG
/// Turns the other way, as if positions counted down.
PluginError rope_backwards(Instance* instance, const PluginTensor* x, const int64_t* positions,
                           int64_t head_dim, double theta, PluginTensor* out) {
  std::vector<int64_t> negated(positions, positions + x->rows);
  for (int64_t& position : negated) position = -position;
  return example().rope(instance, x, negated.data(), head_dim, theta, out);
}
#endif

Table callbacks_of_variant() {
  Table table = all_callbacks();
#ifdef TRINITY_TEST_PLUGIN_WRONG
  table.rope = rope_backwards;
#endif
  table.weight_bytes = nullptr;
  table.synchronize = nullptr;
  table.linear_split = nullptr;
  table.add_rms_norm = nullptr;
  table.norm_rope = nullptr;
  table.mlp = nullptr;
  return table;
}

#ifdef TRINITY_TEST_PLUGIN_WRONG
constexpr const char* kName = "wrong";
#else
constexpr const char* kName = "bare";
#endif

#endif

}  // namespace

#ifdef TRINITY_TEST_PLUGIN_FUSED
extern "C" TRINITY_PLUGIN_EXPORT void trinity_test_set_fault(std::size_t slot, Fault fault) {
  const std::lock_guard lock(state().mutex);
  state().slot = slot;
  state().fault = fault;
}

extern "C" TRINITY_PLUGIN_EXPORT std::size_t trinity_test_count_live() {
  const std::lock_guard lock(state().mutex);
  return state().instances + state().tensors.size();
}
#endif

const trinity_plugin_bootstrap_v1* trinity_backend_plugin_v1() {
  static const Table callbacks = callbacks_of_variant();
  static const trinity_plugin_descriptor_v1 descriptor = [] {
    trinity_plugin_descriptor_v1 own = *openblas_example_plugin()->descriptor;
    own.name = kName;
    own.callbacks = &callbacks;
    return own;
  }();
  static const trinity_plugin_bootstrap_v1 bootstrap = [] {
    trinity_plugin_bootstrap_v1 own = *openblas_example_plugin();
    own.descriptor = &descriptor;
    return own;
  }();
  return &bootstrap;
}
