// The public router, put together: text → ids → hidden vector → logits → decision.
#include <algorithm>

#include "base/stopwatch.h"
#include "base/thread_failure.h"
#include "base/try.h"
#include "route/decision.h"
#include "route/selection.h"
#include "router/router_impl.h"

namespace trinity {

namespace {

text::RouterInputOptions input_options(const InputOptions& options, bool keeps_text) {
  text::RouterInputOptions out;
  out.mode = options.input_mode;
  out.content =
      options.parse_special_tokens ? text::SpecialTokens::parse : text::SpecialTokens::plain;
  out.keeps_text = keeps_text;
  return out;
}

std::vector<QueryView> views_of(std::span<const RouterQuery> queries) {
  return {queries.begin(), queries.end()};
}

/// The conversation of a query, if it is one. That of a prompt is one message, which `prompt` then
/// holds.
std::optional<std::span<const Message>> messages_of(const QueryView& query, Message& prompt) {
  if (const auto* messages = std::get_if<std::span<const Message>>(&query.value)) return *messages;
  const auto* text = std::get_if<QueryView::Prompt>(&query.value);
  if (text == nullptr) return std::nullopt;
  prompt = {"user", std::string(text->text)};
  return std::span<const Message>(&prompt, 1);
}

tl::unexpected<Error> no_head() {
  return fail(ErrorKind::missing, "missing_router_head",
              "this model has no router head; give a bundle, which brings its own, or a "
              "safetensors file with " +
                  std::string(route::Head::kTensorName) + " as the head");
}

/// Rows that differ give equal logits for a hidden vector of zeros, and for nothing else that a
/// model computes: taking the first agent then would be no decision.
Status refuse_equal_logits(std::span<const float> logits, const route::Head& head) {
  const bool equal = std::all_of(logits.begin(), logits.end(),
                                 [&](float logit) { return logit == logits.front(); });
  if (!equal || !head.rows_differ()) return {};
  return fail(
      ErrorKind::invalid_input, "equal_logits",
      "all logits are equal, so there is nothing to decide by; check the model, its weights "
      "and the head");
}

}  // namespace

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Router::Router(Router&& other) noexcept = default;
Router& Router::operator=(Router&& other) noexcept = default;
Router::~Router() = default;

// ---- reading and extracting ---------------------------------------------------------------------

Result<text::RouterInput> Router::Impl::read(const QueryView& query,
                                             const text::RouterInputOptions& options) const {
  text::RouterInput input;
  Message prompt;
  if (const auto* ids = std::get_if<std::span<const int32_t>>(&query.value)) {
    input.ids.assign(ids->begin(), ids->end());
  } else if (!tokenizer) {
    return tl::unexpected(no_tokenizer);
  } else if (const auto messages = messages_of(query, prompt)) {
    return text::build_router_input(*tokenizer, *messages, options);
  } else {
    const std::string_view text = std::get<QueryView::Raw>(query.value).text;
    if (options.keeps_text) input.text = text;
    TRINITY_TRY(input.ids, tokenizer->encode(text, options.content));
    // A text without a token of its own stays empty: its end token alone says nothing.
    if (!input.ids.empty()) input.ids = tokenizer->with_ends(std::move(input.ids));
  }
  if (input.ids.empty())
    return fail(ErrorKind::invalid_input, "empty_transcript",
                "the input has no tokens; give at least one message");
  return input;
}

std::vector<Result<Extraction>> Router::Impl::extract(std::span<const QueryView> queries,
                                                      const InputOptions& input, bool all_positions,
                                                      const RequestOptions& request,
                                                      bool keeps_input) const {
  std::vector<Result<Extraction>> results(queries.size());
  const text::RouterInputOptions options = input_options(input, keeps_input);
  router::ExtractionRequest asked{{}, {input.full, all_positions, input.prefix_cache}, request};
  std::vector<size_t> places;
  for (size_t i = 0; i < queries.size(); ++i) {
    const Stopwatch watch;
    auto input_read = read(queries[i], options);
    if (!input_read) {
      results[i] = tl::unexpected(std::move(input_read.error()));
      continue;
    }
    Extraction extraction;
    if (keeps_input) {
      extraction.text = std::move(input_read->text);
      extraction.ids = input_read->ids;
    }
    extraction.timings_ms.tokenize = watch.elapsed_ms();
    asked.inputs.push_back(std::move(input_read->ids));
    places.push_back(i);
    results[i] = std::move(extraction);
  }
  if (places.empty()) return results;
  const auto answer = [&]() -> Result<router::ExtractionReply> {
    try {
      TRINITY_TRY(router::PendingExtraction pending, service->submit(std::move(asked)));
      return pending.get();
    } catch (...) {
      return caught_failure("compute this input", "use a smaller batch");
    }
  };
  Result<router::ExtractionReply> reply = answer();
  for (size_t n = 0; n < places.size(); ++n) {
    Result<Extraction>& result = results[places[n]];
    if (!reply || !reply->states[n]) {
      result = tl::unexpected(reply ? std::move(reply->states[n].error()) : reply.error());
      continue;
    }
    model::HiddenStates& states = *reply->states[n];
    result->hidden = std::move(states.values);
    result->token_count = states.token_count;
    result->hidden_index = states.hidden_index;
    result->cached_tokens = states.cached_tokens;
    Timings& ms = result->timings_ms;
    ms.queue = reply->queue_ms;
    ms.prefill = reply->compute_ms;
    ms.total = ms.tokenize + ms.queue + ms.prefill;
  }
  return results;
}

std::vector<Result<Extraction>> Router::extract_batch(std::span<const QueryView> queries,
                                                      const InputOptions& input, bool all_positions,
                                                      const RequestOptions& request) const {
  return impl_->extract(queries, input, all_positions, request, true);
}

std::vector<Result<Extraction>> Router::extract_batch(std::span<const RouterQuery> queries,
                                                      const InputOptions& input, bool all_positions,
                                                      const RequestOptions& request) const {
  return extract_batch(views_of(queries), input, all_positions, request);
}

// ---- deciding -----------------------------------------------------------------------------------

Result<Decision> Router::Impl::decide(const QueryView& query, const Extraction& extraction,
                                      InputMode input_mode, const DecisionRule& rule) const {
  const Stopwatch watch;
  TRINITY_TRY(const std::vector<float> logits, head->logits(extraction.hidden));
  TRINITY_CHECK(refuse_equal_logits(logits, *head));
  TRINITY_TRY(Route route,
              route::select_route(logits, head->num_agents(), head->num_roles(), rule));
  route::DecisionOptions options;
  options.artifact_identity = adapted.identity;
  options.hashes = rule.hashes;
  route::DecisionSource source;
  Message prompt;
  if (rule.hashes)
    if (const auto messages = messages_of(query, prompt)) source = *messages;
  TRINITY_TRY(Decision decision, route::make_decision(std::move(route), source, options));
  decision.token_count = static_cast<size_t>(extraction.token_count);
  decision.hidden_index = static_cast<size_t>(extraction.hidden_index);
  decision.profile = info.profile;
  decision.exactness = info.exactness;
  decision.input_mode = input_mode;
  decision.tie_mode = adapted.tie_mode;
  decision.tiny_router = info.tiny_router;
  decision.timings_ms = extraction.timings_ms;
  decision.timings_ms.head = watch.elapsed_ms();
  decision.timings_ms.total += decision.timings_ms.head;
  return decision;
}

std::vector<Result<Decision>> Router::route_batch(std::span<const QueryView> queries,
                                                  const InputOptions& input,
                                                  const DecisionRule& rule,
                                                  const RequestOptions& request) const {
  std::vector<Result<Decision>> decisions(queries.size());
  if (!impl_->head) {
    decisions.assign(queries.size(), no_head());
    return decisions;
  }
  std::vector<Result<Extraction>> extractions =
      impl_->extract(queries, input, false, request, false);
  for (size_t i = 0; i < queries.size(); ++i) {
    if (extractions[i])
      decisions[i] = impl_->decide(queries[i], *extractions[i], input.input_mode, rule);
    else
      decisions[i] = tl::unexpected(std::move(extractions[i].error()));
  }
  return decisions;
}

std::vector<Result<Decision>> Router::route_batch(std::span<const RouterQuery> queries,
                                                  const InputOptions& input,
                                                  const DecisionRule& rule,
                                                  const RequestOptions& request) const {
  return route_batch(views_of(queries), input, rule, request);
}

Result<Decision> Router::route(const QueryView& query, const InputOptions& input,
                               const DecisionRule& rule, const RequestOptions& request) const {
  return std::move(route_batch(std::span(&query, 1), input, rule, request).front());
}

// ---- what it shows ------------------------------------------------------------------------------

std::optional<HeadView> Router::head() const {
  if (!impl_->head) return std::nullopt;
  const route::Head& head = *impl_->head;
  return HeadView{head.weights(), head.num_agents(), head.num_roles(), head.hidden_size()};
}

Result<std::vector<float>> Router::logits(std::span<const float> hidden) const {
  if (!impl_->head) return no_head();
  return impl_->head->logits(hidden);
}

const RouterInfo& Router::info() const { return impl_->info; }

PrefixCacheStats Router::prefix_cache_stats() const { return impl_->service->cache_stats(); }

}  // namespace trinity
