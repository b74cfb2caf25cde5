#include "router/adaptation.h"

#include <algorithm>

#include "adapt/factor_cache.h"
#include "adapt/router_vector.h"
#include "adapt/selection.h"
#include "backend_registry/registry.h"
#include "base/try.h"

namespace trinity::router {
namespace {

/// The backend's own algebra or, if the policy allows, that of a CPU backend made for the purpose.
class Algebra {
 public:
  explicit Algebra(Fallback policy) : policy_(policy) {}

  Result<backend::DenseAlgebra*> of(backend::Backend& backend, int threads) {
    label_ = backend.info().label;
    if (backend::DenseAlgebra* own = backend.dense_algebra()) return own;
    if (policy_ == Fallback::raise)
      return fail(ErrorKind::unsupported, "operation_unsupported",
                  "backend " + backend.info().id +
                      " has no dense algebra, which this adaptation needs, and --fallback raise "
                      "allows no other to compute it; use a full bundle or a CPU profile");
    TRINITY_TRY(host_, backend::create_backend("cpu_f32", {threads}));
    label_ = host_->info().label;
    fallbacks_.push_back("backend " + backend.info().id +
                         " has no dense algebra: the CPU computes the adapted rows");
    return host_->dense_algebra();
  }
  /// Who computed.
  const std::string& label() const { return label_; }
  const std::vector<std::string>& fallbacks() const { return fallbacks_; }

 private:
  Fallback policy_;
  std::string label_;
  std::vector<std::string> fallbacks_;
  std::unique_ptr<backend::Backend> host_;
};

class BundleAdaptation final : public Adaptation {
 public:
  BundleAdaptation(std::unique_ptr<bundle::Bundle> bundle, TieMode tie_mode, Fallback fallback)
      : bundle_(std::move(bundle)), tie_mode_(tie_mode), algebra_(fallback) {}

  Result<route::Head> head() const override { return bundle_->head(); }
  const std::vector<std::string>& fallbacks() const override { return algebra_.fallbacks(); }

  AdaptationSummary summary() const override {
    const bundle::Manifest& m = bundle_->manifest();
    AdaptationSummary out;
    out.description =
        (bundle_->is_compact() ? "compact bundle " : "bundle ") + bundle_->folder().string();
    out.tie_mode = tie_mode_;
    out.identity = ArtifactIdentity{
        {"trinity_artifact_manifest_hash", bundle_->manifest_sha256()},
        {"trinity_artifact_manifest_path", (bundle_->folder() / bundle::kManifestFile).string()},
        {"trinity_artifact_base_model_repo", m.base.repo},
        {"trinity_artifact_bumblebee_module", m.base.bumblebee_module},
        {"trinity_artifact_architecture", m.base.architecture},
        {"trinity_artifact_source_vector_sha256", m.vector.sha256},
        {"trinity_fidelity_mode", m.recipe.fidelity_mode},
        {"trinity_tie_mode", tie_mode_name(tie_mode_)}};
    return out;
  }

  Result<const model::TensorSource*> apply(const model::TensorSource& base,
                                           backend::Backend& backend, int threads) override {
    source_.emplace(base);
    backend::DenseAlgebra* algebra = nullptr;  // a full bundle's products are views of its files
    if (bundle_->is_compact()) {
      TRINITY_TRY(algebra, algebra_.of(backend, threads));
    }
    TRINITY_CHECK(bundle_->apply(base, algebra, *source_));
    return &*source_;
  }
  Status finish() override { return bundle_->wait_for_checks(); }

 private:
  std::unique_ptr<bundle::Bundle> bundle_;
  TieMode tie_mode_;
  Algebra algebra_;
  std::optional<adapt::AdaptedSource> source_;
};

class VectorAdaptation final : public Adaptation {
 public:
  VectorAdaptation(adapt::RouterVector vector, adapt::RouterVectorParts parts,
                   adapt::Selection selection, adapt::AdaptationOptions options,
                   std::filesystem::path cache, Fallback fallback)
      : vector_(std::move(vector)),
        parts_(std::move(parts)),
        selection_(std::move(selection)),
        options_(options),
        cache_(std::move(cache)),
        algebra_(fallback) {}

  Result<route::Head> head() const override {
    return route::Head::from_weights(parts_.head, static_cast<size_t>(parts_.outputs),
                                     static_cast<size_t>(parts_.hidden));
  }
  const std::vector<std::string>& fallbacks() const override { return algebra_.fallbacks(); }

  AdaptationSummary summary() const override {
    AdaptationSummary out;
    out.description = "router vector " + vector_.path.string() + " (" +
                      adapt::head_rows_text(parts_.outputs) + ")";
    out.tie_mode = options_.tie_mode;
    out.identity = ArtifactIdentity{{"trinity_artifact_source_vector_sha256", vector_.sha256},
                                    {"trinity_tie_mode", tie_mode_name(out.tie_mode)}};
    return out;
  }

  Result<const model::TensorSource*> apply(const model::TensorSource& base,
                                           backend::Backend& backend, int threads) override {
    source_.emplace(base);
    TRINITY_TRY(backend::DenseAlgebra* const algebra, algebra_.of(backend, threads));
    // The oracle keeps its factors in f64; a cache of f32 ones would change its numbers.
    const bool cached = !cache_.empty() && backend.info().exactness != backend::Exactness::oracle;
    std::string key;
    if (cached) {
      TRINITY_TRY(key, adapt::factor_cache_key(base, selection_, parts_.offsets, options_,
                                               algebra_.label()));
      if (const auto factors = adapt::load_cached_factors(cache_, key);
          factors && covers_selection(*factors)) {
        for (const adapt::CachedFactor& factor : *factors)
          TRINITY_CHECK(
              source_->project(*algebra, selection_.find(factor.path)->source_name,
                               std::vector<double>(factor.values.begin(), factor.values.end())));
        return &*source_;
      }
    }
    TRINITY_TRY(const std::vector<adapt::CachedFactor> factors, compute(base, *algebra));
    if (cached) {
      // A cache that cannot be written costs time at the next load and nothing else.
      const Status stored = adapt::store_cached_factors(cache_, key, factors);
      static_cast<void>(stored);
    }
    return &*source_;
  }

 private:
  /// Whether there is a factor of the right size for every tensor that routing reads.
  bool covers_selection(const std::vector<adapt::CachedFactor>& factors) const {
    size_t needed = 0;
    for (const adapt::SelectedTensor& tensor : selection_.tensors) {
      if (tensor.source_name == adapt::kLmHeadName) continue;
      ++needed;
      const auto k = static_cast<size_t>(tensor.singular_values());
      if (std::none_of(factors.begin(), factors.end(), [&](const adapt::CachedFactor& factor) {
            return factor.path == tensor.path && factor.values.size() == k * k;
          }))
        return false;
    }
    return needed == factors.size();
  }

  Result<std::vector<adapt::CachedFactor>> compute(const model::TensorSource& base,
                                                   backend::DenseAlgebra& algebra) {
    adapt::Adapter adapter(algebra, base, selection_, parts_.offsets, options_);
    std::vector<adapt::CachedFactor> factors;
    for (size_t place = 0; place < selection_.tensors.size(); ++place) {
      const adapt::SelectedTensor& tensor = selection_.tensors[place];
      if (tensor.source_name == adapt::kLmHeadName) continue;  // routing does not read it
      TRINITY_TRY(const adapt::TensorFactor factor, adapter.factor(place));
      TRINITY_CHECK(source_->project(algebra, tensor.source_name, factor.projector));
      factors.push_back(
          {tensor.path, std::vector<float>(factor.projector.begin(), factor.projector.end())});
    }
    return factors;
  }

  adapt::RouterVector vector_;
  adapt::RouterVectorParts parts_;
  adapt::Selection selection_;
  adapt::AdaptationOptions options_;
  std::filesystem::path cache_;
  Algebra algebra_;
  std::optional<adapt::AdaptedSource> source_;
};

Result<std::unique_ptr<Adaptation>> open_vector(const RouterOptions& options,
                                                const ModelFiles& files) {
  const Checkpoint* checkpoint = files.checkpoint();
  adapt::AdaptationOptions adaptation;
  adaptation.tie_mode = options.tie_mode.value_or(TieMode::embed_offsets);
  TRINITY_TRY(adapt::RouterVector vector, adapt::RouterVector::load(options.vector));
  TRINITY_TRY(const model::ModelConfig config, files.config());
  TRINITY_TRY(adapt::Selection selection,
              adapt::select_tensors(*checkpoint, config, options.layers));
  TRINITY_TRY(adapt::RouterVectorParts parts,
              adapt::split_off_head(vector.values, selection.scale_count(), config.hidden_size,
                                    options.head_rows));
  return std::make_unique<VectorAdaptation>(std::move(vector), std::move(parts),
                                            std::move(selection), adaptation,
                                            options.adaptation_cache, options.fallback);
}

}  // namespace

Result<std::unique_ptr<Adaptation>> open_adaptation(const RouterOptions& options,
                                                    const ModelFiles& files) {
  if (options.bundle.empty() && options.vector.empty()) return std::unique_ptr<Adaptation>();
  if (!options.bundle.empty() && !options.vector.empty())
    return fail(ErrorKind::usage, "bundle_and_vector",
                "a bundle already holds what a vector would do; give one of them");
  if (files.checkpoint() == nullptr)
    return fail(ErrorKind::usage, "adaptation_without_model",
                "a bundle or vector adapts a base model; name its folder with --model");
  if (!options.vector.empty()) return open_vector(options, files);
  TRINITY_TRY(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::open(options.bundle));
  const Result<TieMode> made_with = parse_tie_mode(bundle->tie_mode());
  if (!made_with)
    return fail(ErrorKind::invalid_input, made_with.error().tag,
                "the bundle's manifest cannot be followed: " + made_with.error().message);
  if (options.tie_mode && options.tie_mode != *made_with)
    return fail(ErrorKind::usage, "tie_mode_mismatch",
                "the bundle was made with tie mode " + bundle->tie_mode() +
                    "; leave --tie-mode out, or export with the other one");
  return std::make_unique<BundleAdaptation>(std::move(bundle), *made_with, options.fallback);
}

}  // namespace trinity::router
