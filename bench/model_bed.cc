#include "bench/model_bed.h"

#include <random>

#include "backend_registry/registry.h"
#include "base/try.h"

namespace trinity::bench {

Result<ModelBed> make_bed(const BenchOptions& options, size_t prefix_cache_bytes) {
  ModelBed bed;
  TRINITY_TRY(bed.profile, router::resolve_profile(options.profile));
  TRINITY_TRY(bed.files, options.model.empty() ? router::open_tiny_router()
                                               : router::open_model_folder(options.model));
  TRINITY_TRY(bed.config, bed.files->config());
  TRINITY_TRY(bed.backend, backend::create_backend(bed.profile.backend, {options.threads}));
  TRINITY_TRY(bed.extractor,
              model::FeatureExtractor::create(*bed.backend, bed.files->tensors(), bed.config,
                                              {prefix_cache_bytes, 1024}));
  return bed;
}

std::vector<int32_t> random_ids(const model::ModelConfig& config, size_t count, size_t seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::vector<int32_t> ids(count);
  for (int32_t& id : ids)
    id = static_cast<int32_t>(random() % static_cast<uint32_t>(config.vocab_size));
  return ids;
}

}  // namespace trinity::bench
