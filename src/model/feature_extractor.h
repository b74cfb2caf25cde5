// Token ids in, the hidden vector that routing reads out.
//
// Owns a model's prepared weights on one backend and its prefix cache. The vector is the final
// hidden state after the last norm at token T−2 (0 when T = 1). The last token is not computed
// (attention is causal), the last layer is reduced to the row that is read, and a prefix seen
// before comes from the cache. `full` switches all of these cuts off, to prove that they change
// nothing. Inputs of one call are computed together, in groups that bound the memory; inputs that
// share a long beginning which nobody has computed yet wait for the first of them, in the next
// group, and take it from the cache. A lane that
// offers the pass as a whole (backend/whole_pass.h) computes it unless `full` asks for operations.
//
// Weights may be replaced by name, so that many variants of a few tensors can be tried on one load.
//
// Not thread-safe: one thread owns a backend and what lives on it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/config.h"
#include "model/forward.h"
#include "model/prefix_cache.h"
#include "model/weights.h"

namespace trinity::model {

struct ExtractorOptions {
  size_t prefix_cache_bytes = size_t{512} << 20;  // 0 disables the prefix cache
  int64_t chunk_rows = 1024;                      // rows computed at once
};

struct ExtractMode {
  bool full = false;           // compute every row and layer, no cache
  bool all_positions = false;  // return all T rows (no row dropped, no cache)
  bool prefix_cache = true;
};

struct HiddenStates {
  std::vector<float> values;  // [hidden], or [T · hidden] with all_positions
  int64_t token_count = 0;    // T
  int64_t hidden_index = 0;   // max(T − 2, 0)
  int64_t cached_tokens = 0;  // tokens taken from the prefix cache
};

class FeatureExtractor {
 public:
  /// `backend` and the memory behind `source` must outlive the extractor.
  static Result<std::unique_ptr<FeatureExtractor>> create(backend::Backend& backend,
                                                          const TensorSource& source,
                                                          const ModelConfig& config,
                                                          const ExtractorOptions& options);

  /// One result for each input, in order; a bad input does not disturb the others. Errors:
  /// `empty_transcript` (T = 0), `input_too_long`, `token_out_of_range`, and the backend's.
  std::vector<Result<HiddenStates>> extract(std::span<const std::vector<int32_t>> inputs,
                                            const ExtractMode& mode);

  /// Reads the named tensors again from `source` and drops the prefix cache; the memory behind it
  /// must outlive the extractor or their next replacement. Afterwards every bit is that of a fresh
  /// load of the mixture. An error changes nothing. Errors: those of replace_weights and of a whole
  /// pass.
  Status replace(std::span<const std::string> names, const TensorSource& source);

  const ModelConfig& config() const { return config_; }
  const ModelWeights& weights() const { return weights_; }
  /// The lane's own pass over all layers of this model; null when it has none.
  backend::PreparedPass* whole_pass() const { return whole_.get(); }
  PrefixCacheStats cache_stats() const { return cache_.stats(); }
  void clear_cache() { cache_.clear(); }

 private:
  FeatureExtractor(backend::Backend& backend, const ModelConfig& config,
                   const ExtractorOptions& options);

  struct Work;
  Status adopt(ModelWeights weights);
  Status check(std::span<const int32_t> ids) const;
  bool waits_for(std::span<const Work> group, std::span<const int32_t> ids,
                 const ExtractMode& mode) const;
  Result<Work> plan(size_t index, std::span<const int32_t> ids, const ExtractMode& mode);
  void run_group(std::span<Work> group, const ExtractMode& mode,
                 std::vector<Result<HiddenStates>>& results);

  backend::Backend& backend_;
  ModelConfig config_;
  ExtractorOptions options_;
  ModelWeights weights_;
  std::unique_ptr<backend::PreparedPass> whole_;
  PrefixCache cache_;
};

}  // namespace trinity::model
