// The router: conversations in, decisions out. This is the object that programs embed.
//
//   trinity::RouterOptions options;             // no model named: the embedded tiny router
//   options.model = "Qwen3-0.6B";               // a Hugging Face folder
//   options.head = "router_head.safetensors";
//   auto router = trinity::Router::load(options);
//   if (!router) { std::cerr << router.error().message << '\n'; return 1; }
//   auto decision = (*router)->route("Are there infinitely many primes?");
//   // decision->agent_id, decision->role_name, decision->margins.agent, ...
//   decision = (*router)->route({{"system", "Be brief."}, {"user", "Is 1009 prime?"}});
//
// A Router may be called from many threads at once. One thread of its own does the computing;
// requests that wait together are computed together, which changes no bit of any result.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>
#include <trinity/message.h>

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

struct RouterOptions {
  /// Folder with config.json, tokenizer.json and *.safetensors; empty = the embedded tiny router.
  std::filesystem::path model;
  /// tokenizer.json to use with `model`; empty = the model's own, or one shared by models around
  /// it.
  std::filesystem::path tokenizer;
  /// Safetensors file with `trinity_router_head` [agents + 3, hidden]; empty = that of the bundle
  /// or vector, else router_head.safetensors beside `model`. Only routing needs one.
  std::filesystem::path head;
  /// Adapted bundle over `model`; brings its own head.
  std::filesystem::path bundle;
  /// Router vector over `model` instead of a bundle: adapted while loading; brings its own head.
  std::filesystem::path vector;
  std::vector<std::int64_t> layers;  // that the vector adapts besides the embedding; empty = all
  /// Rows of the vector's head, agents + 3; 0 = as many as the offsets leave, if that is likely.
  std::int64_t head_rows = 0;
  std::string tie_mode;  // of the vector: "embed_offsets" (default), "last_write", ...
  /// Folder where what a vector's first load computes is kept; empty = nowhere.
  std::filesystem::path adaptation_cache;
  /// What happens when the profile's backend lacks an operation that another one has: "raise" (an
  /// error), "warn" (the other one computes, RouterInfo::warnings says so) or "silent". Counted in
  /// RouterInfo::fallbacks. Never another device for the model itself.
  std::string fallback = "warn";
  /// Runtime profile ("cpu_bf16", ...); empty = the default, the same one on every machine; "fast"
  /// = the fastest one of this machine.
  std::string profile;
  int threads = 0;  // 0 = all available processors; one where the model is tiny
  std::size_t prefix_cache_bytes = std::size_t{512} << 20;  // 0 = no prefix cache
};

/// A text that is given to the tokenizer as it is: no role before it and no template around it.
struct RawText {
  std::string text;
};

/// What is read: a conversation, a raw text, or token ids.
///
/// A text alone is a conversation of one user message, as it is on the command line:
///   route("Hi")                                          the same as route({{"user", "Hi"}})
///   route({{"user", "Hi"}, {"assistant", "Hello!"}})     a conversation
///   route(RawText{"user: Hi"})                           the tokenizer's input itself
///   route(std::vector<std::int32_t>{872, 25, 21018})     token ids
/// An empty text is no message: routing it fails with `empty_transcript`.
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

/// How the text is read.
struct InputOptions {
  std::string input_mode = "plain";   // "plain", "chat" or "chat_raw"
  bool parse_special_tokens = false;  // text such as <|im_end|> in content becomes its token
  bool prefix_cache = true;           // reuse keys and values of earlier inputs
  bool full = false;                  // skip no work; proves that skipping changes nothing
};

/// How agent and role are taken from the logits.
struct DecisionRule {
  SelectionMode agent_selection = SelectionMode::argmax;
  SelectionMode role_selection = SelectionMode::argmax;
  double temperature = 1.0;
  bool return_probabilities = false;
  /// For `sample`: nothing (a fresh seed, recorded), one integer, or the three words.
  std::variant<std::monostate, std::int64_t, SeedTriple> seed;
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
  std::int64_t num_agents = 0;
  std::int64_t num_roles = 0;
  std::int64_t hidden_size = 0;
  std::int64_t max_tokens = 0;
  std::size_t weight_bytes = 0;  // prepared weights
  std::string adaptation;        // for people: the bundle or vector in use; empty = base weights
  std::string tie_mode;
  double load_ms = 0;
  std::int64_t fallbacks = 0;  // operations that another backend had to compute
  std::vector<std::string> warnings;
};

class Router {
 public:
  /// Errors: `missing_file`, `missing_tensor`, `unsupported_config`, `invalid_config`,
  /// `unknown_profile`, `profile_unavailable`, `hidden_size_mismatch`, `incomplete_artifact`,
  /// `base_model_mismatch`, `router_vector_size_mismatch`, `unlikely_head`, `out_of_memory`,
  /// `out_of_threads`, and those of the readers. Throws nothing.
  static Result<std::unique_ptr<Router>> load(const RouterOptions& options);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// One decision. Errors: `empty_transcript`, `invalid_utf8`, `input_too_long`,
  /// `unsupported_message_role`, `missing_router_head`, `non_finite_logits`, `equal_logits`,
  /// `overflowing_hidden`, ...
  Result<Decision> route(const RouterQuery& query, const InputOptions& input = {},
                         const DecisionRule& rule = {});

  /// Many decisions, computed together, in input order; a bad one does not disturb the others.
  std::vector<Result<Decision>> route_batch(std::span<const RouterQuery> queries,
                                            const InputOptions& input = {},
                                            const DecisionRule& rule = {});

  /// Hidden vectors; with `all_positions` every row of each input.
  std::vector<Result<Extraction>> extract_batch(std::span<const RouterQuery> queries,
                                                const InputOptions& input = {},
                                                bool all_positions = false);

  const RouterInfo& info() const;

 private:
  struct Impl;
  static Result<std::unique_ptr<Router>> load_files(const RouterOptions& options);
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trinity
