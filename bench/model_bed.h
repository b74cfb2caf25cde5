// A model loaded for measuring, without the queue of a router around it.
#pragma once

#include <memory>
#include <vector>

#include "bench/bench.h"
#include "model/feature_extractor.h"
#include "router/model_files.h"
#include "router/profile.h"

namespace trinity::bench {

struct ModelBed {
  router::RuntimeProfile profile;
  std::unique_ptr<router::ModelFiles> files;
  model::ModelConfig config;
  std::unique_ptr<backend::Backend> backend;
  std::unique_ptr<model::FeatureExtractor> extractor;
};

/// The model, profile and threads of the options; errors are those of loading them.
Result<ModelBed> make_bed(const BenchOptions& options, size_t prefix_cache_bytes);

/// Token ids of a model, the same for the same seed.
std::vector<int32_t> random_ids(const model::ModelConfig& config, size_t count, size_t seed);

}  // namespace trinity::bench
