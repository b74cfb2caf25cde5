// The public router, put together: text → ids → hidden vector → logits → decision.
#include <trinity/router.h>

#include <algorithm>
#include <future>

#include "backend_registry/registry.h"
#include "base/stopwatch.h"
#include "base/thread_failure.h"
#include "base/try.h"
#include "hash/canonical.h"
#include "route/decision.h"
#include "route/head.h"
#include "route/selection.h"
#include "router/adaptation.h"
#include "router/extraction_service.h"
#include "router/model_files.h"
#include "router/profile.h"
#include "text/router_input.h"

namespace trinity {

struct Router::Impl {
  std::unique_ptr<ModelFiles> files;  // outlives what was prepared from it
  AdaptationSummary adapted;
  std::optional<Tokenizer> tokenizer;
  Error no_tokenizer;  // why there is none
  std::optional<Head> head;
  std::unique_ptr<ExtractionService> service;
  RouterInfo info;

  Result<RouterInput> read(const RouterQuery& query, const RouterInputOptions& options) const;
};

namespace {

Result<RouterInputOptions> input_options(const InputOptions& options) {
  RouterInputOptions out;
  TRINITY_TRY(out.mode, parse_input_mode(options.input_mode));
  out.content = options.parse_special_tokens ? SpecialTokens::parse : SpecialTokens::plain;
  return out;
}

SelectionOptions selection_options(const DecisionRule& rule) {
  SelectionOptions out;
  out.agent_selection = rule.agent_selection;
  out.role_selection = rule.role_selection;
  out.temperature = rule.temperature;
  out.return_probabilities = rule.return_probabilities;
  out.seed = rule.seed;
  return out;
}

/// Threads when the caller names none: all processors, but one for a model so small that handing
/// work over costs more than the work. Results are the same bits.
int default_threads(const ModelConfig& config) {
  constexpr double kSmallModel = 8e6;  // weights
  const double layer = static_cast<double>(config.hidden_size) *
                       static_cast<double>(2 * config.attention_width() + 2 * config.kv_width() +
                                           3 * config.intermediate_size);
  return layer * static_cast<double>(config.num_hidden_layers) < kSmallModel ? 1 : 0;
}

/// Prepares the weights on the compute thread, where the adaptation (null = base weights) lives
/// from then on: it holds memory of the backend. `fallbacks` gets what another backend had to
/// compute.
Result<std::unique_ptr<ExtractionService>> start_service(const RuntimeProfile& profile,
                                                         const RouterOptions& options,
                                                         const ModelFiles& files,
                                                         std::unique_ptr<Adaptation> adaptation,
                                                         const ModelConfig& config,
                                                         std::vector<std::string>& fallbacks) {
  const int threads = options.threads > 0 ? options.threads : default_threads(config);
  std::shared_ptr<Adaptation> owner(std::move(adaptation));
  return ExtractionService::start(
      [&, threads, shared = std::move(owner)]() mutable -> Result<ExtractionService::Loaded> {
        ExtractionService::Loaded loaded;
        Adaptation* const adapting = shared.get();
        TRINITY_TRY(loaded.backend, create_backend(profile.backend, {threads}));
        loaded.sources = std::move(shared);
        ExtractorOptions extractor;
        extractor.prefix_cache_bytes = options.prefix_cache_bytes;
        const TensorSource* source = &files.tensors();
        if (adapting != nullptr) {
          TRINITY_TRY(source, adapting->apply(*source, *loaded.backend, threads));
          fallbacks = adapting->fallbacks();
        }
        auto created = FeatureExtractor::create(*loaded.backend, *source, config, extractor);
        // First: that the adaptation's files are damaged explains what else went wrong.
        if (adapting != nullptr) TRINITY_CHECK(adapting->finish());
        TRINITY_TRY(loaded.extractor, std::move(created));
        return loaded;
      });
}

Result<std::optional<Head>> load_head(const RouterOptions& options, const ModelFiles& files,
                                      const Adaptation* adaptation) {
  if (!options.head.empty()) {
    TRINITY_TRY(Head head, Head::load(options.head));
    return head;
  }
  if (adaptation != nullptr) {
    TRINITY_TRY(Head head, adaptation->head());
    return head;
  }
  auto beside = files.head();
  if (beside) return std::move(*beside);
  // A model folder without a head can still be read from; a broken head is an error.
  if (beside.error().tag == "missing_file") return std::optional<Head>();
  return tl::unexpected(std::move(beside.error()));
}

/// Rows that differ give equal logits for a hidden vector of zeros, and for nothing else that a
/// model computes: taking the first agent then would be no decision.
Status refuse_equal_logits(std::span<const float> logits, const Head& head) {
  const bool equal = std::all_of(logits.begin(), logits.end(),
                                 [&](float logit) { return logit == logits.front(); });
  if (!equal || !head.rows_differ()) return {};
  return fail(
      ErrorKind::invalid_input, "equal_logits",
      "all logits are equal, so there is nothing to decide by; check the model, its weights "
      "and the head");
}

}  // namespace

Result<RouterInput> Router::Impl::read(const RouterQuery& query,
                                       const RouterInputOptions& options) const {
  RouterInput input;
  if (const auto* ids = std::get_if<std::vector<int32_t>>(&query.value)) {
    input.ids = *ids;
  } else if (!tokenizer) {
    return tl::unexpected(no_tokenizer);
  } else if (const auto* messages = std::get_if<std::vector<Message>>(&query.value)) {
    return build_router_input(*tokenizer, *messages, options);
  } else {
    input.text = std::get<RawText>(query.value).text;
    TRINITY_TRY(input.ids, tokenizer->encode(input.text, options.content));
    // A text without a token of its own stays empty: its end token alone says nothing.
    if (!input.ids.empty()) input.ids = tokenizer->with_ends(std::move(input.ids));
  }
  if (input.ids.empty())
    return fail(ErrorKind::invalid_input, "empty_transcript",
                "the input has no tokens; give at least one message");
  return input;
}

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Router::~Router() = default;

Result<std::unique_ptr<Router>> Router::load(const RouterOptions& options) {
  try {
    return load_files(options);
  } catch (...) {
    return caught_failure("load the model", "close other programs, or use a smaller model");
  }
}

Result<std::unique_ptr<Router>> Router::load_files(const RouterOptions& options) {
  const Stopwatch watch;
  auto impl = std::make_unique<Impl>();
  TRINITY_TRY(const RuntimeProfile profile, resolve_profile(options.profile));
  if (!options.model.empty()) {
    TRINITY_CHECK(require_capability(profile, Capability::qwen_runtime));
  }
  TRINITY_TRY(impl->files, options.model.empty()
                               ? open_tiny_router()
                               : open_model_folder(options.model, options.tokenizer));
  TRINITY_TRY(const ModelConfig config, impl->files->config());
  TRINITY_TRY(std::unique_ptr<Adaptation> adaptation, open_adaptation(options, *impl->files));
  const bool adapts = adaptation != nullptr;
  if (adapts) {
    TRINITY_CHECK(require_capability(profile, Capability::artifact_runtime));
    impl->adapted = adaptation->summary();
  }
  TRINITY_TRY(impl->head, load_head(options, *impl->files, adaptation.get()));
  if (impl->head && static_cast<int64_t>(impl->head->hidden_size()) != config.hidden_size)
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                "the head reads " + std::to_string(impl->head->hidden_size()) +
                    " numbers, but the model's hidden size is " +
                    std::to_string(config.hidden_size) + "; use the head trained for this model");
  // Reading the vocabulary and packing the weights take about as long: do both at once.
  // Where the system refuses a thread, the vocabulary is read when it is asked for.
  std::future<Result<Tokenizer>> tokenizer =
      std::async(std::launch::async | std::launch::deferred,
                 [files = impl->files.get()] { return files->tokenizer(); });
  std::vector<std::string> fallbacks;
  auto service =
      start_service(profile, options, *impl->files, std::move(adaptation), config, fallbacks);
  Result<Tokenizer> read = tokenizer.get();
  if (!service) return tl::unexpected(std::move(service.error()));
  if (read)
    impl->tokenizer = std::move(*read);
  else if (read.error().tag == "missing_tokenizer")
    impl->no_tokenizer = std::move(read.error());  // token ids can be routed all the same
  else
    return tl::unexpected(std::move(read.error()));
  impl->service = std::move(*service);

  RouterInfo& info = impl->info;
  const BackendInfo& backend = impl->service->backend_info();
  info.profile = profile.name;
  info.backend = backend.id;
  const LanePromise promise = impl->service->promise();
  info.exactness = exactness_name(promise.kept);
  info.broken_promise = promise.broken;
  info.label = backend.label;
  info.device = backend.device;
  info.dtype_policy = backend.dtype_policy;
  info.tiny_router = impl->files->is_tiny_router();
  info.has_head = impl->head.has_value();
  if (impl->head) {
    info.num_agents = static_cast<int64_t>(impl->head->num_agents());
    info.num_roles = static_cast<int64_t>(impl->head->num_roles());
  }
  info.hidden_size = config.hidden_size;
  info.max_tokens = config.max_position_embeddings;
  info.weight_bytes = impl->service->weight_bytes();
  info.adaptation = impl->adapted.description;
  info.tie_mode = impl->adapted.tie_mode;
  info.warnings = config.warnings;
  if (impl->tokenizer) {
    const auto& notes = impl->tokenizer->notes();
    info.warnings.insert(info.warnings.end(), notes.begin(), notes.end());
  }
  const std::vector<std::string> choices = impl->files->notes();
  info.warnings.insert(info.warnings.end(), choices.begin(), choices.end());
  if (impl->head && !impl->head->rows_differ())
    info.warnings.emplace_back(
        "all rows of the router head are equal, so every input gets agent 0 and role 0");
  if (adapts) {
    info.fallbacks = static_cast<std::int64_t>(fallbacks.size());
    if (options.fallback == "warn")
      info.warnings.insert(info.warnings.end(), fallbacks.begin(), fallbacks.end());
  }
  info.warnings.insert(info.warnings.end(), profile.warnings.begin(), profile.warnings.end());
  info.load_ms = watch.elapsed_ms();
  return std::unique_ptr<Router>(new Router(std::move(impl)));
}

std::vector<Result<Extraction>> Router::extract_batch(std::span<const RouterQuery> queries,
                                                      const InputOptions& input,
                                                      bool all_positions) {
  std::vector<Result<Extraction>> results(queries.size());
  const auto options = input_options(input);
  if (!options) {
    results.assign(queries.size(), tl::unexpected(options.error()));
    return results;
  }
  std::vector<std::vector<int32_t>> ids;
  std::vector<size_t> places;
  for (size_t i = 0; i < queries.size(); ++i) {
    const Stopwatch watch;
    auto read = impl_->read(queries[i], *options);
    if (!read) {
      results[i] = tl::unexpected(std::move(read.error()));
      continue;
    }
    Extraction extraction;
    extraction.text = std::move(read->text);
    extraction.ids = std::move(read->ids);
    extraction.timings_ms.tokenize = watch.elapsed_ms();
    ids.push_back(extraction.ids);
    places.push_back(i);
    results[i] = std::move(extraction);
  }
  if (places.empty()) return results;
  ExtractionReply reply;
  try {
    reply = impl_->service->submit(std::move(ids), {input.full, all_positions, input.prefix_cache})
                .get();
  } catch (...) {
    const auto failure = caught_failure("compute this input", "use a smaller batch");
    for (const size_t place : places) results[place] = failure;
    return results;
  }
  for (size_t n = 0; n < places.size(); ++n) {
    Result<Extraction>& result = results[places[n]];
    Result<HiddenStates>& states = reply.states[n];
    if (!states) {
      result = tl::unexpected(std::move(states.error()));
      continue;
    }
    result->hidden = std::move(states->values);
    result->token_count = states->token_count;
    result->hidden_index = states->hidden_index;
    result->cached_tokens = states->cached_tokens;
    result->timings_ms.prefill = reply.compute_ms;
    result->timings_ms.total = result->timings_ms.tokenize + reply.compute_ms;
  }
  return results;
}

std::vector<Result<Decision>> Router::route_batch(std::span<const RouterQuery> queries,
                                                  const InputOptions& input,
                                                  const DecisionRule& rule) {
  std::vector<Result<Decision>> decisions(queries.size());
  if (!impl_->head) {
    decisions.assign(queries.size(),
                     fail(ErrorKind::missing, "missing_router_head",
                          "this model has no router head; give a bundle, which brings its own, or "
                          "a safetensors file with " +
                              std::string(Head::kTensorName) + " as the head"));
    return decisions;
  }
  std::vector<Result<Extraction>> extractions = extract_batch(queries, input);
  for (size_t i = 0; i < queries.size(); ++i) {
    if (!extractions[i]) {
      decisions[i] = tl::unexpected(std::move(extractions[i].error()));
      continue;
    }
    const Extraction& extraction = *extractions[i];
    const auto decide = [&]() -> Result<Decision> {
      const Stopwatch watch;
      TRINITY_TRY(const std::vector<float> logits, impl_->head->logits(extraction.hidden));
      TRINITY_CHECK(refuse_equal_logits(logits, *impl_->head));
      TRINITY_TRY(const Route route,
                  select_route(logits, impl_->head->num_agents(), impl_->head->num_roles(),
                               selection_options(rule)));
      DecisionSource source;
      if (const auto* messages = std::get_if<std::vector<Message>>(&queries[i].value))
        source = std::span<const Message>(*messages);
      TRINITY_TRY(Decision decision,
                  make_decision(route, source, {std::nullopt, impl_->adapted.identity}));
      decision.token_count = static_cast<size_t>(extraction.token_count);
      decision.hidden_index = static_cast<size_t>(extraction.hidden_index);
      decision.profile = impl_->info.profile;
      decision.exactness = impl_->info.exactness;
      decision.input_mode = input.input_mode;
      decision.tie_mode = impl_->adapted.tie_mode;
      decision.tiny_router = impl_->info.tiny_router;
      decision.timings_ms = extraction.timings_ms;
      decision.timings_ms.head = watch.elapsed_ms();
      decision.timings_ms.total += decision.timings_ms.head;
      return decision;
    };
    decisions[i] = decide();
  }
  return decisions;
}

Result<Decision> Router::route(const RouterQuery& query, const InputOptions& input,
                               const DecisionRule& rule) {
  return std::move(route_batch(std::span(&query, 1), input, rule).front());
}

const RouterInfo& Router::info() const { return impl_->info; }

}  // namespace trinity
