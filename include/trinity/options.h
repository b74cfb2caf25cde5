// One vocabulary of options: every choice that a caller makes, under the name that it keeps from a
// flag of the command line down to the rule that obeys it.
//
// Choices are enumerations. Each has its names in one place, `*_name` and `parse_*`; they are the
// words of the command line, of JSON records and of manifests.
#pragma once

#include <trinity/error.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace trinity {

/// How a conversation becomes a text.
enum class InputMode {
  plain,     // the plain transcript: a line `role: content` a message
  chat,      // chat template around a dispatcher instruction and one user message: the transcript
  chat_raw,  // chat template around the conversation's own messages
};
/// "plain", "chat" or "chat_raw".
const char* input_mode_name(InputMode mode);
/// Error: `invalid_input_mode`, naming the three modes.
Result<InputMode> parse_input_mode(std::string_view name);

/// Which offsets the embedding gets, when embedding and LM head are one tensor in the base model
/// but the router vector holds a block of offsets for each.
enum class TieMode {
  embed_offsets,    // embedding and LM head each their own offsets: untied afterwards (the default)
  last_write,       // a tied tensor ends up with the LM head's offsets, which are written last
  lm_head_offsets,  // the embedding gets the LM head's offsets, tied or not
  compound,         // first the embedding's offsets, then the LM head's on the result
};
const char* tie_mode_name(TieMode mode);
/// Error `invalid_tie_mode` (lists the names).
Result<TieMode> parse_tie_mode(std::string_view name);

/// What happens when the profile's backend lacks an operation of an adaptation that another one
/// has. Never another device for the model itself.
enum class Fallback {
  raise,   // an error
  warn,    // the other one computes, RouterInfo::warnings says so
  silent,  // the other one computes
};
/// "raise", "warn" or "silent".
const char* fallback_name(Fallback fallback);

/// How an index is taken from the logits of a split.
enum class SelectionMode {
  argmax,   // the largest logit, the lowest index among equals
  softmax,  // the largest probability; the probabilities are returned
  sample,   // a seeded draw from the probabilities, which are returned
};
/// "argmax", "softmax" or "sample".
const char* selection_mode_name(SelectionMode mode);

/// State of the `exsss` generator before seeding: three unsigned words.
using SeedTriple = std::array<std::uint64_t, 3>;
/// Nothing (a fresh seed, recorded), one integer, or the three words themselves.
using SelectionSeed = std::variant<std::monostate, std::int64_t, SeedTriple>;

/// What is loaded and how it runs.
struct RouterOptions {
  /// Folder with config.json, tokenizer.json and *.safetensors; empty = the embedded tiny router.
  std::filesystem::path model;
  /// tokenizer.json to use with `model`; empty = the model's own, or one shared by models around
  /// it.
  std::filesystem::path tokenizer;
  /// Safetensors file with `trinity_router_head` [agents + 3, hidden]; empty = that of the bundle
  /// or vector, else router_head.safetensors beside `model`.
  std::filesystem::path head;
  /// Only routing needs a head: without one a model can still be read from. With `needs_head`
  /// loading fails instead, before anything large is read.
  bool needs_head = false;
  /// Adapted bundle over `model`; brings its own head.
  std::filesystem::path bundle;
  /// Router vector over `model` instead of a bundle: adapted while loading; brings its own head.
  std::filesystem::path vector;
  std::vector<std::int64_t> layers;  // that the vector adapts besides the embedding; empty = all
  /// Rows of the vector's head, agents + 3; 0 = as many as the offsets leave, if that is likely.
  std::int64_t head_rows = 0;
  /// Of the vector (nothing = embed_offsets); a bundle has its own, which this must not contradict.
  std::optional<TieMode> tie_mode;
  /// Folder where what a vector's first load computes is kept; empty = nowhere.
  std::filesystem::path adaptation_cache;
  /// For an adaptation. What another backend computed is counted in RouterInfo::fallbacks.
  Fallback fallback = Fallback::warn;
  /// Runtime profile ("cpu_bf16", ...); empty = the default, the same one on every machine; "fast"
  /// = the fastest one of this machine.
  std::string profile;
  int threads = 0;  // 0 = all available processors; one where the model is tiny
  /// Memory for keys and values of earlier inputs (RouterInfo::prefix_cache_bytes is what came of
  /// it); 0 = no prefix cache, nothing = automatic: a quarter of the memory that is free when the
  /// model is loaded, below the limits of control groups, and no more than a million tokens take.
  std::optional<std::size_t> prefix_cache_bytes;
  /// Inputs that may wait for the compute thread. A call that finds no room fails with
  /// `queue_full`, unless nothing waits: then one of any size is taken.
  std::size_t queue_limit = 4096;
  /// Tokens up to which requests of several callers are computed together; a longer one is computed
  /// alone, and shorter ones that wait behind it get their turn first (once).
  std::size_t merged_tokens = 8192;
};

/// How the text is read.
struct InputOptions {
  InputMode input_mode = InputMode::plain;
  bool parse_special_tokens = false;  // text such as <|im_end|> in content becomes its token
  bool prefix_cache = true;           // reuse keys and values of earlier inputs
  bool full = false;                  // skip no work; proves that skipping changes nothing
};

/// How agent and role are taken from the logits, and what the decision records of it.
struct DecisionRule {
  SelectionMode agent_selection = SelectionMode::argmax;
  SelectionMode role_selection = SelectionMode::argmax;
  double temperature = 1.0;           // of softmax and sample, > 0
  bool return_probabilities = false;  // of argmax, too
  SelectionSeed seed;                 // of sample
  /// Roles that may not be chosen now, by id; at least one must be left. Their logits are recorded
  /// as they are, their probability is 0.
  std::vector<int> masked_roles;
  /// Fills in the three hashes of the decision, for which the whole conversation is encoded and
  /// hashed twice; without it they are absent and nothing is paid for them.
  bool hashes = false;
};

/// How long a caller waits for an answer. A request that is already being computed is finished and
/// answered in any case.
struct RequestOptions {
  /// A request that still waits then is answered with `deadline_exceeded` and never computed.
  std::optional<std::chrono::steady_clock::time_point> deadline;
  /// A request that still waits when its std::stop_source stops is answered with `cancelled`.
  std::stop_token cancel;
};

}  // namespace trinity
