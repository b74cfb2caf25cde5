// The router: conversations in, decisions out. This is the object that programs embed.
//
//   trinity::RouterOptions options;             // no model named: the embedded tiny router
//   options.model = "Qwen3-0.6B";               // a Hugging Face folder
//   options.head = "router_head.safetensors";
//   auto router = trinity::Router::load(options);
//   if (!router) { std::cerr << router.error().message << '\n'; return 1; }
//   auto decision = router->route("Are there infinitely many primes?");
//   // decision->agent_id, decision->role_name, decision->margins.agent, ...
//   decision = router->route({{"system", "Be brief."}, {"user", "Is 1009 prime?"}});
//
// A Router may be called from many threads at once. One thread of its own does the computing;
// requests that wait together are computed together, which changes no bit of any result. A server
// bounds what waits (RouterOptions::queue_limit) and how long (RequestOptions).
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>
#include <trinity/message.h>
#include <trinity/options.h>
#include <trinity/prefix_cache_stats.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace trinity {

/// A text that is given to the tokenizer as it is: no role before it and no template around it.
struct RawText {
  std::string text;
};

/// What is read, kept by whoever asks later: a conversation, a raw text, or token ids. To ask at
/// once, none is needed: see QueryView.
struct RouterQuery {
  RouterQuery() = default;
  RouterQuery(std::vector<Message> messages) : value(std::move(messages)) {}
  RouterQuery(std::initializer_list<Message> messages) : value(std::vector<Message>(messages)) {}
  RouterQuery(std::string prompt) {
    if (!prompt.empty()) value = std::vector<Message>{{"user", std::move(prompt)}};
  }
  RouterQuery(std::string_view prompt) : RouterQuery(std::string(prompt)) {}
  RouterQuery(const char* prompt) : RouterQuery(std::string(prompt)) {}
  RouterQuery(RawText text) : value(std::move(text)) {}
  RouterQuery(std::vector<std::int32_t> ids) : value(std::move(ids)) {}

  std::variant<std::vector<Message>, RawText, std::vector<std::int32_t>> value;
};

/// What is read, as a view: nothing of a conversation is copied to route it. What a view was made
/// from must live until the call that takes it returns, as for std::string_view; an argument that
/// is written into the call does.
///
/// The same meanings as RouterQuery. A text alone is a conversation of one user message, as it is
/// on the command line:
///   route("Hi")                                          the same as route({{"user", "Hi"}})
///   route({{"user", "Hi"}, {"assistant", "Hello!"}})     a conversation
///   route(RawText{"user: Hi"})                           the tokenizer's input itself
///   route(std::vector<std::int32_t>{872, 25, 21018})     token ids
/// An empty text is no message: routing it fails with `empty_transcript`.
struct QueryView {
  struct Prompt {
    std::string_view text;  // of one user message
  };
  struct Raw {
    std::string_view text;
  };

  QueryView() = default;
  QueryView(std::span<const Message> messages) : value(messages) {}
  QueryView(const std::vector<Message>& messages) : value(std::span<const Message>(messages)) {}
  QueryView(std::initializer_list<Message> messages)
      : value(std::span<const Message>(messages.begin(), messages.size())) {}
  QueryView(std::string_view prompt) {
    if (!prompt.empty()) value = Prompt{prompt};
  }
  QueryView(const std::string& prompt) : QueryView(std::string_view(prompt)) {}
  QueryView(const char* prompt) : QueryView(std::string_view(prompt)) {}
  QueryView(const RawText& text) : value(Raw{text.text}) {}
  QueryView(std::span<const std::int32_t> ids) : value(ids) {}
  QueryView(const std::vector<std::int32_t>& ids) : value(std::span<const std::int32_t>(ids)) {}
  QueryView(const RouterQuery& query)
      : QueryView(std::visit([](const auto& own) { return QueryView(own); }, query.value)) {}

  std::variant<std::span<const Message>, Prompt, Raw, std::span<const std::int32_t>> value;
};

/// The hidden vector that routing reads, or all of them.
struct Extraction {
  std::vector<float> hidden;      // [hidden_size], or [token_count · hidden_size]
  std::int64_t token_count = 0;   // T
  std::int64_t hidden_index = 0;  // max(T − 2, 0)
  std::int64_t cached_tokens = 0;
  std::string text;  // what was tokenised; empty for token ids
  std::vector<std::int32_t> ids;
  Timings timings_ms;
};

/// The head that decides, [num_agents + num_roles, hidden_size] row-major, agents first. Views the
/// router.
struct HeadView {
  std::span<const float> weights;
  std::size_t num_agents = 0;
  std::size_t num_roles = 0;
  std::size_t hidden_size = 0;
};

struct RouterInfo {
  std::string profile;    // the profile in use
  std::string backend;    // its backend id
  std::string exactness;  // what it promises on this machine: "oracle", "exact", "bit-stable", ...
  std::string broken_promise;  // which promise this machine does not keep; empty = none
  std::string label;           // backend label for manifests and traces
  std::string device;          // for people
  std::string dtype_policy;    // for people
  bool tiny_router = false;    // the embedded demonstration router
  bool has_head = false;
  std::filesystem::path head;  // the file it was read from; empty = part of something else
  std::int64_t num_agents = 0;
  std::int64_t num_roles = 0;
  std::int64_t hidden_size = 0;
  std::int64_t max_tokens = 0;
  std::size_t weight_bytes = 0;        // prepared weights
  std::size_t prefix_cache_bytes = 0;  // what the prefix cache may take; 0 = there is none
  std::string adaptation;  // for people: the bundle or vector in use; empty = base weights
  TieMode tie_mode = TieMode::embed_offsets;
  std::optional<ArtifactIdentity> artifact_identity;  // of that adaptation, as decisions have it
  double load_ms = 0;
  std::int64_t fallbacks = 0;  // operations that another backend had to compute
  std::vector<std::string> warnings;
};

class Router {
 public:
  /// Errors: `missing_file`, `missing_tensor`, `unsupported_config`, `invalid_config`,
  /// `unknown_profile`, `profile_unavailable`, `missing_router_head`, `hidden_size_mismatch`,
  /// `incomplete_artifact`, `base_model_mismatch`, `invalid_tie_mode` (of a bundle),
  /// `router_vector_size_mismatch`, `unlikely_head`, `out_of_memory`, `out_of_threads`, and those
  /// of the readers. Throws nothing.
  static Result<Router> load(const RouterOptions& options);
  /// A router that was moved from can only be destroyed or assigned to.
  Router(Router&& other) noexcept;
  Router& operator=(Router&& other) noexcept;
  ~Router();

  /// One decision. Errors: `empty_transcript`, `invalid_utf8`, `input_too_long`,
  /// `unsupported_message_role`, `missing_router_head`, `non_finite_logits`, `equal_logits`,
  /// `overflowing_hidden`, `queue_full`, `deadline_exceeded`, `cancelled`, ...
  Result<Decision> route(const QueryView& query, const InputOptions& input = {},
                         const DecisionRule& rule = {}, const RequestOptions& request = {}) const;

  /// Many decisions, computed together, in input order; a bad one does not disturb the others. One
  /// request: deadline and cancellation are those of all of them.
  std::vector<Result<Decision>> route_batch(std::span<const QueryView> queries,
                                            const InputOptions& input = {},
                                            const DecisionRule& rule = {},
                                            const RequestOptions& request = {}) const;
  std::vector<Result<Decision>> route_batch(std::span<const RouterQuery> queries,
                                            const InputOptions& input = {},
                                            const DecisionRule& rule = {},
                                            const RequestOptions& request = {}) const;

  /// Hidden vectors; with `all_positions` every row of each input.
  std::vector<Result<Extraction>> extract_batch(std::span<const QueryView> queries,
                                                const InputOptions& input = {},
                                                bool all_positions = false,
                                                const RequestOptions& request = {}) const;
  std::vector<Result<Extraction>> extract_batch(std::span<const RouterQuery> queries,
                                                const InputOptions& input = {},
                                                bool all_positions = false,
                                                const RequestOptions& request = {}) const;

  /// The head; nothing where there is none.
  std::optional<HeadView> head() const;
  /// Its logits of a hidden vector, agents first: those that routing selects from. Errors:
  /// `missing_router_head`, `hidden_size_mismatch`, `non_finite_logits`.
  Result<std::vector<float>> logits(std::span<const float> hidden) const;

  const RouterInfo& info() const;

  /// What the prefix cache holds and has saved, as of the last call that was computed.
  PrefixCacheStats prefix_cache_stats() const;

 private:
  struct Impl;
  static Result<Router> load_files(const RouterOptions& options);
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trinity
