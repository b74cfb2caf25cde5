#include "model/forward.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "base/try.h"

namespace trinity::model {
namespace {

/// A run of rows that is computed together, and the state that flows through the layers with it.
struct Chunk {
  std::vector<int32_t> ids;
  std::vector<backend::SequenceSlice> slices;
  std::vector<int64_t> last_rows;                       // rows that end their sequence
  std::vector<backend::SequenceSlice> last_row_slices;  // the same as slices of one row each
  backend::Tensor residual;
  std::optional<backend::Tensor> delta;  // output of the previous sub-layer, not yet added
};

std::vector<Chunk> cut_into_chunks(std::span<const SequenceInput> sequences,
                                   std::span<backend::KvCache* const> caches, int64_t chunk_rows) {
  std::vector<Chunk> chunks(1);
  for (size_t s = 0; s < sequences.size(); ++s) {
    const SequenceInput& sequence = sequences[s];
    const auto total = static_cast<int64_t>(sequence.new_ids.size());
    for (int64_t done = 0; done < total;) {
      if (static_cast<int64_t>(chunks.back().ids.size()) == chunk_rows) chunks.emplace_back();
      Chunk& chunk = chunks.back();
      const auto begin = static_cast<int64_t>(chunk.ids.size());
      const int64_t rows = std::min(total - done, chunk_rows - begin);
      const auto first = sequence.new_ids.begin() + done;
      chunk.ids.insert(chunk.ids.end(), first, first + rows);
      chunk.slices.push_back({begin, rows, sequence.cached + done, caches[s]});
      done += rows;
      if (done == total) {
        chunk.last_row_slices.push_back({static_cast<int64_t>(chunk.last_rows.size()), 1,
                                         sequence.cached + total - 1, caches[s]});
        chunk.last_rows.push_back(begin + rows - 1);
      }
    }
  }
  return chunks;
}

/// Floats on the host that are about to be written.
class HostRows {
 public:
  explicit HostRows(int64_t count)
      : count_(static_cast<size_t>(count)),
        values_(std::make_unique_for_overwrite<float[]>(count_)) {}
  std::span<float> span() const { return {values_.get(), count_}; }

 private:
  size_t count_;
  std::unique_ptr<float[]> values_;
};

/// A row whose squares overflow is normed to zeros, which look like a result. Rows of zeros are so
/// rare that the rows before the norm are fetched only then.
Status refuse_overflow(backend::Backend& backend, const backend::Tensor& hidden,
                       std::span<const float> normed) {
  const auto width = static_cast<size_t>(hidden.cols());
  std::vector<float> before;
  for (size_t row = 0; row * width < normed.size(); ++row) {
    const auto zeros = normed.subspan(row * width, width);
    if (std::any_of(zeros.begin(), zeros.end(), [](float v) { return v != 0; })) continue;
    if (before.empty()) {
      TRINITY_TRY(before, backend.download(hidden));
    }
    double squares = 0;
    for (size_t i = 0; i < width; ++i) {
      const double value = before[row * width + i];
      squares += value * value;
    }
    if (!(squares / static_cast<double>(width) <= double{std::numeric_limits<float>::max()}))
      return fail(ErrorKind::invalid_input, "overflowing_hidden",
                  "the hidden values of the model overflow, so nothing can be read from them; "
                  "check the weights");
  }
  return {};
}

class ForwardPass {
 public:
  ForwardPass(backend::Backend& backend, const ModelConfig& config, const ModelWeights& weights,
              const ForwardOptions& options)
      : backend_(backend),
        config_(config),
        weights_(weights),
        options_(options),
        shape_{config.num_attention_heads, config.num_key_value_heads, config.head_dim} {}

  Status embed(Chunk& chunk) {
    const auto rows = static_cast<int64_t>(chunk.ids.size());
    const HostRows values(rows * config_.hidden_size);
    TRINITY_CHECK(weights_.embedding->gather(chunk.ids, values.span()));
    TRINITY_TRY(chunk.residual, backend_.upload(values.span(), rows, config_.hidden_size));
    return {};
  }

  /// One decoder layer over one chunk; `kv_layer` is where this layer's keys and values live.
  Status layer(Chunk& chunk, const backend::LayerWeights& weights, int64_t kv_layer,
               bool last_rows_only) {
    TRINITY_TRY(const backend::Tensor x, add_norm(chunk, weights.input_norm));
    backend::Tensor q;
    if (last_rows_only) {
      TRINITY_CHECK(append_keys_values(chunk, x, weights, kv_layer));
      if (chunk.last_rows.empty()) {
        chunk.residual = backend::Tensor();
        return {};
      }
      TRINITY_TRY(q, last_row_queries(chunk, x, weights));
      TRINITY_TRY(chunk.residual, backend_.select_rows(chunk.residual, chunk.last_rows));
    } else {
      TRINITY_TRY(const backend::Qkv qkv, project_qkv(x, weights));
      TRINITY_TRY(
          q, backend_.qk_norm_rope_append(qkv, weights.q_norm, weights.k_norm, config_.rms_norm_eps,
                                          config_.rope, chunk.slices, kv_layer, shape_));
    }
    const auto& slices = last_rows_only ? chunk.last_row_slices : chunk.slices;
    TRINITY_TRY(const backend::Tensor mixed, backend_.attention(q, slices, kv_layer, shape_));
    TRINITY_TRY(chunk.delta, backend_.linear(mixed, weights.o));
    TRINITY_TRY(const backend::Tensor y, add_norm(chunk, weights.post_attention_norm));
    TRINITY_TRY(chunk.delta, backend_.mlp(y, weights.gate_up, weights.down));
    return {};
  }

  /// Final norm of the rows that are returned; appends them to `rows_out`.
  Status finish(Chunk& chunk, bool reduced, std::vector<float>& rows_out) {
    if (chunk.residual.empty()) return {};
    TRINITY_TRY(backend::Tensor hidden, backend_.add(chunk.residual, *chunk.delta));
    if (!reduced && !options_.all_positions) {
      if (chunk.last_rows.empty()) return {};
      TRINITY_TRY(hidden, backend_.select_rows(hidden, chunk.last_rows));
    }
    TRINITY_TRY(const backend::Tensor normed,
                backend_.rms_norm(hidden, weights_.final_norm, config_.rms_norm_eps));
    TRINITY_TRY(const std::vector<float> values, backend_.download(normed));
    TRINITY_CHECK(refuse_overflow(backend_, hidden, values));
    rows_out.insert(rows_out.end(), values.begin(), values.end());
    return {};
  }

 private:
  Result<backend::Tensor> add_norm(Chunk& chunk, const backend::Weight& norm) {
    const backend::Tensor* delta = chunk.delta ? &*chunk.delta : nullptr;
    auto normed = backend_.add_rms_norm(chunk.residual, delta, norm, config_.rms_norm_eps);
    chunk.delta.reset();
    return normed;
  }

  Result<backend::Qkv> project_qkv(const backend::Tensor& x, const backend::LayerWeights& weights) {
    if (!weights.qkv.empty()) {
      TRINITY_TRY(std::vector<backend::Tensor> parts, backend_.linear_split(x, weights.qkv));
      return backend::Qkv{parts[0], parts[1], parts[2]};
    }
    TRINITY_TRY(backend::Tensor q, backend_.linear(x, weights.q));
    TRINITY_TRY(std::vector<backend::Tensor> parts, backend_.linear_split(x, weights.kv));
    return backend::Qkv{q, parts[0], parts[1]};
  }

  Status append_keys_values(Chunk& chunk, const backend::Tensor& x,
                            const backend::LayerWeights& weights, int64_t kv_layer) {
    TRINITY_TRY(std::vector<backend::Tensor> parts, backend_.linear_split(x, weights.kv));
    TRINITY_TRY(const backend::Tensor no_query,
                backend_.qk_norm_rope_append(backend::Qkv{backend::Tensor(), parts[0], parts[1]},
                                             weights.q_norm, weights.k_norm, config_.rms_norm_eps,
                                             config_.rope, chunk.slices, kv_layer, shape_));
    return {};
  }

  Result<backend::Tensor> last_row_queries(Chunk& chunk, const backend::Tensor& x,
                                           const backend::LayerWeights& weights) {
    TRINITY_TRY(const backend::Tensor rows, backend_.select_rows(x, chunk.last_rows));
    TRINITY_TRY(backend::Tensor q, backend_.linear(rows, weights.q));
    TRINITY_TRY(q, backend_.rms_norm(q, weights.q_norm, config_.rms_norm_eps));
    return backend_.rope(q, backend::slice_positions(chunk.last_row_slices, q.rows()),
                         config_.head_dim, config_.rope);
  }

  backend::Backend& backend_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  const ForwardOptions& options_;
  backend::AttentionShape shape_;
};

/// Splits concatenated rows back into one vector a sequence.
std::vector<std::vector<float>> split_rows(std::span<const float> rows,
                                           std::span<const SequenceInput> sequences,
                                           bool all_positions, int64_t hidden) {
  std::vector<std::vector<float>> out;
  auto cursor = rows.begin();
  for (const SequenceInput& sequence : sequences) {
    const auto count = (all_positions ? static_cast<int64_t>(sequence.new_ids.size()) : 1) * hidden;
    out.emplace_back(cursor, cursor + count);
    cursor += count;
  }
  return out;
}

/// The rows that are read, by the lane's whole pass; nothing when it does not want this input.
Result<std::optional<std::vector<float>>> run_whole(backend::Backend& backend,
                                                    const ModelConfig& config,
                                                    const ModelWeights& weights,
                                                    std::span<const SequenceInput> sequences,
                                                    const ForwardOptions& options) {
  std::vector<int32_t> ids;
  std::vector<backend::SequenceSlice> slices;
  for (const SequenceInput& sequence : sequences) {
    slices.push_back({static_cast<int64_t>(ids.size()),
                      static_cast<int64_t>(sequence.new_ids.size()), sequence.cached, sequence.kv});
    ids.insert(ids.end(), sequence.new_ids.begin(), sequence.new_ids.end());
  }
  const HostRows embedded(static_cast<int64_t>(ids.size()) * config.hidden_size);
  TRINITY_CHECK(weights.embedding->gather(ids, embedded.span()));
  TRINITY_TRY(const auto rows,
              options.whole->run({embedded.span(), slices, !options.all_positions}));
  if (!rows) return std::nullopt;
  TRINITY_TRY(std::vector<float> values, backend.download(rows->normed));
  const size_t wanted = options.all_positions ? ids.size() : sequences.size();
  if (values.size() != wanted * static_cast<size_t>(config.hidden_size))
    return fail(ErrorKind::failed, "backend_failed",
                "the whole pass of backend " + backend.info().id +
                    " gave rows that were not asked for; use another profile");
  TRINITY_CHECK(refuse_overflow(backend, rows->hidden, values));
  TRINITY_CHECK(backend.synchronize());
  return values;
}

}  // namespace

Result<std::vector<std::vector<float>>> forward(backend::Backend& backend,
                                                const ModelConfig& config,
                                                const ModelWeights& weights,
                                                std::span<const SequenceInput> sequences,
                                                const ForwardOptions& options) {
  const bool keep = !sequences.empty() && sequences.front().kv != nullptr;
  for (const SequenceInput& sequence : sequences)
    if (sequence.new_ids.empty() || (sequence.kv != nullptr) != keep ||
        (sequence.kv == nullptr && sequence.cached != 0))
      return fail(ErrorKind::usage, "invalid_sequence",
                  "every sequence of a batch needs new tokens, and all or none a cache");
  if (options.whole != nullptr && !options.full) {
    TRINITY_TRY(auto rows, run_whole(backend, config, weights, sequences, options));
    if (rows) return split_rows(*rows, sequences, options.all_positions, config.hidden_size);
  }

  // Sequences without a cache of their own share the life of one layer's keys and values.
  std::vector<std::unique_ptr<backend::KvCache>> transient;
  std::vector<backend::KvCache*> caches;
  for (const SequenceInput& sequence : sequences) {
    if (keep) {
      caches.push_back(sequence.kv);
    } else {
      TRINITY_TRY(auto kv, backend.make_kv_cache({1, config.num_key_value_heads, config.head_dim}));
      caches.push_back(kv.get());
      transient.push_back(std::move(kv));
    }
  }

  std::vector<Chunk> chunks = cut_into_chunks(sequences, caches, options.chunk_rows);
  ForwardPass pass(backend, config, weights, options);
  for (Chunk& chunk : chunks) TRINITY_CHECK(pass.embed(chunk));

  const bool reduce = !options.full && !options.all_positions;
  const auto layers = static_cast<int64_t>(weights.layers.size());
  for (int64_t l = 0; l < layers; ++l) {
    const bool last = l + 1 == layers;
    for (Chunk& chunk : chunks)
      TRINITY_CHECK(
          pass.layer(chunk, weights.layers[static_cast<size_t>(l)], keep ? l : 0, last && reduce));
    if (!keep && !last)
      for (backend::KvCache* cache : caches) cache->clear(0);
  }

  std::vector<float> rows;
  for (Chunk& chunk : chunks) TRINITY_CHECK(pass.finish(chunk, reduce, rows));
  TRINITY_CHECK(backend.synchronize());
  return split_rows(rows, sequences, options.all_positions, config.hidden_size);
}

}  // namespace trinity::model
