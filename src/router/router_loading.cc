// Loading a router: profile, files, adaptation, head; then vocabulary and weights at once.
#include <algorithm>
#include <future>

#include "backend_registry/registry.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "base/thread_failure.h"
#include "base/try.h"
#include "router/deciding_head.h"
#include "router/profile.h"
#include "router/router_impl.h"

namespace trinity {
namespace {

/// Threads when the caller names none: all processors, but one for a model so small that handing
/// work over costs more than the work. Results are the same bits.
int default_threads(const model::ModelConfig& config) {
  constexpr double kSmallModel = 8e6;  // weights
  const double layer = static_cast<double>(config.hidden_size) *
                       static_cast<double>(2 * config.attention_width() + 2 * config.kv_width() +
                                           3 * config.intermediate_size);
  return layer * static_cast<double>(config.num_hidden_layers) < kSmallModel ? 1 : 0;
}

/// The prefix cache's memory when the caller names none. What more than a million tokens would take
/// serves nobody: it keeps a tiny model on a large machine from growing without use.
size_t automatic_cache_bytes(const backend::Backend& backend, const model::ModelConfig& config) {
  constexpr uint64_t kUnknown = uint64_t{2} << 30;  // where the system does not say what is free
  constexpr uint64_t kMostTokens = 1'000'000;
  const uint64_t a_token = backend.kv_bytes_per_token(
      {config.num_hidden_layers, config.num_key_value_heads, config.head_dim});
  return std::min(available_memory().value_or(kUnknown) / 4, kMostTokens * a_token);
}

/// Prepares the weights on the compute thread, where the adaptation (null = base weights) lives
/// from then on: it holds memory of the backend. `fallbacks` gets what another backend had to
/// compute.
Result<std::unique_ptr<router::ExtractionService>> start_service(
    const router::RuntimeProfile& profile, const RouterOptions& options,
    const router::ModelFiles& files, std::unique_ptr<router::Adaptation> adaptation,
    const model::ModelConfig& config, std::vector<std::string>& fallbacks) {
  const int threads = options.threads > 0 ? options.threads : default_threads(config);
  std::shared_ptr<router::Adaptation> owner(std::move(adaptation));
  return router::ExtractionService::start(
      [&, threads,
       shared = std::move(owner)]() mutable -> Result<router::ExtractionService::Loaded> {
        router::ExtractionService::Loaded loaded;
        router::Adaptation* const adapting = shared.get();
        TRINITY_TRY(loaded.backend, backend::create_backend(profile.backend, {threads}));
        loaded.sources = std::move(shared);
        model::ExtractorOptions extractor;
        extractor.prefix_cache_bytes =
            options.prefix_cache_bytes.value_or(automatic_cache_bytes(*loaded.backend, config));
        const model::TensorSource* source = &files.tensors();
        if (adapting != nullptr) {
          TRINITY_TRY(source, adapting->apply(*source, *loaded.backend, threads));
          fallbacks = adapting->fallbacks();
        }
        auto created = model::FeatureExtractor::create(*loaded.backend, *source, config, extractor);
        // First: that the adaptation's files are damaged explains what else went wrong.
        if (adapting != nullptr) TRINITY_CHECK(adapting->finish());
        TRINITY_TRY(loaded.extractor, std::move(created));
        return loaded;
      },
      {options.queue_limit, options.merged_tokens});
}

/// What a loaded router says of itself, apart from warnings and times.
RouterInfo describe(const router::RuntimeProfile& profile, const router::ModelFiles& files,
                    const model::ModelConfig& config, const router::AdaptationSummary& adapted,
                    const route::Head* head, const router::ExtractionService& service) {
  const backend::BackendInfo& backend = service.backend_info();
  const backend::LanePromise promise = service.promise();
  RouterInfo info;
  info.profile = profile.name;
  info.backend = backend.id;
  info.exactness = backend::exactness_name(promise.kept);
  info.broken_promise = promise.broken;
  info.label = backend.label;
  info.device = backend.device;
  info.dtype_policy = backend.dtype_policy;
  info.tiny_router = files.is_tiny_router();
  info.has_head = head != nullptr;
  if (head != nullptr) {
    info.num_agents = static_cast<int64_t>(head->num_agents());
    info.num_roles = static_cast<int64_t>(head->num_roles());
  }
  info.hidden_size = config.hidden_size;
  info.max_tokens = config.max_position_embeddings;
  info.weight_bytes = service.weight_bytes();
  info.prefix_cache_bytes = service.cache_stats().byte_budget;
  info.adaptation = adapted.description;
  info.tie_mode = adapted.tie_mode;
  info.artifact_identity = adapted.identity;
  return info;
}

}  // namespace

Result<Router> Router::load(const RouterOptions& options) {
  try {
    return load_files(options);
  } catch (...) {
    return caught_failure("load the model", "close other programs, or use a smaller model");
  }
}

Result<Router> Router::load_files(const RouterOptions& options) {
  const Stopwatch watch;
  auto impl = std::make_unique<Impl>();
  TRINITY_TRY(const router::RuntimeProfile profile, router::resolve_profile(options.profile));
  if (!options.model.empty()) {
    TRINITY_CHECK(router::require_capability(profile, router::Capability::qwen_runtime));
  }
  TRINITY_TRY(impl->files, options.model.empty()
                               ? router::open_tiny_router()
                               : router::open_model_folder(options.model, options.tokenizer));
  TRINITY_TRY(const model::ModelConfig config, impl->files->config());
  TRINITY_TRY(std::unique_ptr<router::Adaptation> adaptation,
              router::open_adaptation(options, *impl->files));
  if (adaptation != nullptr) {
    TRINITY_CHECK(router::require_capability(profile, router::Capability::artifact_runtime));
    impl->adapted = adaptation->summary();
  }
  std::filesystem::path head_file;
  if (auto found = router::find_deciding_head(options, *impl->files, adaptation.get())) {
    impl->head = std::move(found->head);
    head_file = std::move(found->file);
  } else if (options.needs_head || found.error().tag != "missing_router_head") {
    return tl::unexpected(std::move(found.error()));
  }
  const route::Head* const head = impl->head ? &*impl->head : nullptr;
  if (head != nullptr && static_cast<int64_t>(head->hidden_size()) != config.hidden_size)
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                "the head reads " + std::to_string(head->hidden_size()) +
                    " numbers, but the model's hidden size is " +
                    std::to_string(config.hidden_size) + "; use the head trained for this model");
  // Reading the vocabulary and packing the weights take about as long: do both at once.
  // Where the system refuses a thread, the vocabulary is read when it is asked for.
  std::future<Result<text::Tokenizer>> tokenizer =
      std::async(std::launch::async | std::launch::deferred,
                 [files = impl->files.get()] { return files->tokenizer(); });
  std::vector<std::string> fallbacks;
  auto service =
      start_service(profile, options, *impl->files, std::move(adaptation), config, fallbacks);
  Result<text::Tokenizer> read = tokenizer.get();
  if (!service) return tl::unexpected(std::move(service.error()));
  if (read)
    impl->tokenizer = std::move(*read);
  else if (read.error().tag == "missing_tokenizer")
    impl->no_tokenizer = std::move(read.error());  // token ids can be routed all the same
  else
    return tl::unexpected(std::move(read.error()));
  impl->service = std::move(*service);

  RouterInfo& info = impl->info;
  info = describe(profile, *impl->files, config, impl->adapted, head, *impl->service);
  info.head = std::move(head_file);
  info.fallbacks = static_cast<std::int64_t>(fallbacks.size());
  const auto warn = [&](const std::vector<std::string>& warnings) {
    info.warnings.insert(info.warnings.end(), warnings.begin(), warnings.end());
  };
  warn(config.warnings);
  if (impl->tokenizer) warn(impl->tokenizer->notes());
  warn(impl->files->notes());
  if (head != nullptr && !head->rows_differ())
    warn({"all rows of the router head are equal, so every input gets agent 0 and role 0"});
  if (options.fallback == Fallback::warn) warn(fallbacks);
  warn(profile.warnings);
  info.load_ms = watch.elapsed_ms();
  return Router(std::move(impl));
}

}  // namespace trinity
