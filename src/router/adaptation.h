// What stands between a base model's weights and the ones that are loaded: nothing, an adapted
// bundle, or a router vector.
//
// Opened on the caller's thread (manifest, vector, head); applied on the compute thread, because
// factors are computed by the backend there and serve from its memory afterwards.
#pragma once

#include <trinity/decision.h>
#include <trinity/options.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapt/adapted_source.h"
#include "adapt/adapter.h"
#include "backend/backend.h"
#include "bundle/bundle.h"
#include "route/head.h"
#include "router/model_files.h"

namespace trinity::router {

/// What an adaptation did, for RouterInfo.
struct AdaptationSummary {
  std::string description;  // for people; empty = base weights
  TieMode tie_mode = TieMode::embed_offsets;
  std::optional<ArtifactIdentity> identity;
};

class Adaptation {
 public:
  virtual ~Adaptation() = default;
  /// The head that belongs to it.
  virtual Result<route::Head> head() const = 0;
  virtual AdaptationSummary summary() const = 0;
  /// What another backend had to compute while it was applied, for people.
  virtual const std::vector<std::string>& fallbacks() const = 0;
  /// The adapted weights over `base`, which must outlive them; they live as long as this object.
  /// `backend` decomposes and multiplies, or the CPU when it cannot.
  virtual Result<const model::TensorSource*> apply(const model::TensorSource& base,
                                                   backend::Backend& backend, int threads) = 0;
  /// Waits for checks that go on beside the loading of what `apply` gave; nothing may be decided
  /// before. Errors: those of Bundle::wait_for_checks.
  virtual Status finish() { return {}; }
};

/// Null when the options name neither bundle nor vector. Errors: `adaptation_without_model`,
/// `bundle_and_vector`, `invalid_tie_mode` and `tie_mode_mismatch` (of a bundle), those of
/// Bundle::open, RouterVector::load, select_tensors.
Result<std::unique_ptr<Adaptation>> open_adaptation(const RouterOptions& options,
                                                    const ModelFiles& files);

}  // namespace trinity::router
