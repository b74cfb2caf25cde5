// A backend with a whole pass: the contract's operations, called in the order of a model's layers.
//
// It computes what the forward pass of model/ computes, so every bit must be the same; its mistakes
// are those that a pass over all layers can make and single operations cannot.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "backend/forwarding_backend.h"
#include "base/try.h"

namespace trinity::testing {

enum class PassMistake {
  none,
  layer_left_out,     // the second layer
  cache_ignored,      // every turn begins anew
  all_rows_returned,  // in place of the last ones
  stale_weights,      // keeps the first weights that it was given
};

class WholeBackend final : public backend::ForwardingBackend, public backend::WholePass {
 public:
  WholeBackend(std::unique_ptr<backend::Backend> inner, PassMistake mistake = PassMistake::none)
      : backend::ForwardingBackend(std::move(inner)), mistake_(mistake) {}

  backend::WholePass* whole_pass() override { return this; }
  Result<std::unique_ptr<backend::PreparedPass>> prepare(
      const backend::LayerStack& stack) override {
    if (no_model) return nullptr;
    if (mistake_ != PassMistake::stale_weights || !first_) first_ = stack;
    return std::make_unique<Pass>(*this, *first_);
  }

  bool no_model = false;        // prepares nothing
  int64_t most_rows = 1 << 30;  // does not want inputs of more rows
  int runs = 0, refusals = 0;

 private:
  class Pass final : public backend::PreparedPass {
   public:
    Pass(WholeBackend& backend, const backend::LayerStack& stack)
        : backend_(backend), stack_(stack) {}

    Result<std::optional<backend::PassRows>> run(const backend::PassInput& input) override {
      const auto rows = static_cast<int64_t>(input.rows.size()) / stack_.hidden_size;
      if (rows > backend_.most_rows) {
        ++backend_.refusals;
        return std::nullopt;
      }
      ++backend_.runs;
      const PassMistake mistake = backend_.mistake_;
      std::vector<std::unique_ptr<backend::KvCache>> own;
      std::vector<backend::SequenceSlice> slices(input.sequences.begin(), input.sequences.end());
      std::vector<int64_t> last;
      for (backend::SequenceSlice& slice : slices) {
        last.push_back(slice.row_begin + slice.row_count - 1);
        if (slice.kv != nullptr && mistake != PassMistake::cache_ignored) continue;
        TRINITY_TRY(own.emplace_back(), backend_.make_kv_cache(kv_shape()));
        slice.position_begin = 0;
        slice.kv = own.back().get();
      }
      TRINITY_TRY(backend::Tensor residual, backend_.upload(input.rows, rows, stack_.hidden_size));
      std::optional<backend::Tensor> delta;
      for (size_t l = 0; l < stack_.layers.size(); ++l) {
        if (l == 1 && mistake == PassMistake::layer_left_out) continue;
        TRINITY_CHECK(layer(residual, delta, slices, l));
      }
      backend::PassRows out;
      TRINITY_TRY(out.hidden, backend_.add(residual, *delta));
      if (input.last_rows && mistake != PassMistake::all_rows_returned) {
        TRINITY_TRY(out.hidden, backend_.select_rows(out.hidden, last));
      }
      TRINITY_TRY(out.normed,
                  backend_.rms_norm(out.hidden, stack_.final_norm, stack_.rms_norm_eps));
      return out;
    }

   private:
    backend::KvShape kv_shape() const {
      return {static_cast<int64_t>(stack_.layers.size()), stack_.shape.kv_heads,
              stack_.shape.head_dim};
    }

    Status layer(backend::Tensor& residual, std::optional<backend::Tensor>& delta,
                 std::span<const backend::SequenceSlice> slices, size_t index) {
      const backend::LayerWeights& w = stack_.layers[index];
      const auto kv_layer = static_cast<int64_t>(index);
      const float eps = stack_.rms_norm_eps;
      TRINITY_TRY(const backend::Tensor x,
                  backend_.add_rms_norm(residual, delta ? &*delta : nullptr, w.input_norm, eps));
      backend::Qkv qkv;
      if (w.qkv.empty()) {
        TRINITY_TRY(qkv.q, backend_.linear(x, w.q));
        TRINITY_TRY(const auto parts, backend_.linear_split(x, w.kv));
        qkv.k = parts[0];
        qkv.v = parts[1];
      } else {
        TRINITY_TRY(const auto parts, backend_.linear_split(x, w.qkv));
        qkv = {parts[0], parts[1], parts[2]};
      }
      TRINITY_TRY(const backend::Tensor q,
                  backend_.qk_norm_rope_append(qkv, w.q_norm, w.k_norm, eps, stack_.rope, slices,
                                               kv_layer, stack_.shape));
      TRINITY_TRY(const backend::Tensor mixed,
                  backend_.attention(q, slices, kv_layer, stack_.shape));
      TRINITY_TRY(delta, backend_.linear(mixed, w.o));
      TRINITY_TRY(const backend::Tensor y,
                  backend_.add_rms_norm(residual, &*delta, w.post_attention_norm, eps));
      TRINITY_TRY(delta, backend_.mlp(y, w.gate_up, w.down));
      return {};
    }

    WholeBackend& backend_;
    backend::LayerStack stack_;
  };

  PassMistake mistake_;
  std::optional<backend::LayerStack> first_;
};

}  // namespace trinity::testing
