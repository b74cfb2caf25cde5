// Routers for the tests of this folder: the recorded oracle's, and a small synthetic one.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <trinity/router.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend/held_to.h"
#include "base/temporary_folder.h"
#include "model/synth.h"
#include "support/conformance.h"
#include "text/support.h"

namespace trinity::testing {

template <typename Value>
Value take(Result<Value> result) {
  if (!result) throw std::runtime_error(result.error().tag + ": " + result.error().message);
  return std::move(*result);
}

using Conversation = std::vector<Message>;

inline std::string small_config(const std::string& hidden = "64") {
  return R"({"model_type":"qwen3","hidden_size":)" + hidden +
         R"(,"intermediate_size":100,"num_hidden_layers":2,)"
         R"("num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,"vocab_size":300,)"
         R"("max_position_embeddings":512,"rms_norm_eps":1e-6,"rope_theta":1000000,)"
         R"("tie_word_embeddings":true})";
}

/// A folder with a random model, its head and a byte-level tokenizer; one for a process.
inline const std::filesystem::path& small_model() {
  static const TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    take(model::synthesize_model(small_config(), 11, folder / "model"));
    folder.put("model/tokenizer.json", small_tokenizer_json().dump());
    return folder / "model";
  }();
  return path;
}

inline RouterOptions small_options(const std::string& profile = "cpu_f32") {
  RouterOptions options;
  options.model = small_model();
  options.profile = profile;
  options.threads = 1;
  return options;
}

inline std::unique_ptr<Router> load(const RouterOptions& options) {
  return std::make_unique<Router>(take(Router::load(options)));
}

/// A rule that also asks for the hashes.
inline DecisionRule hashed() {
  DecisionRule rule;
  rule.hashes = true;
  return rule;
}

/// What decides whether two decisions are the same computation.
inline std::string fingerprint(const Result<Decision>& decision) {
  if (!decision) return decision.error().tag;
  std::string text = fmt::format("{}/{}", decision->agent_id, decision->role_id);
  for (const float logit : decision->logits)
    text += fmt::format(",{:08x}", std::bit_cast<uint32_t>(logit));
  return fmt::format("{} {} {}", text, decision->route_hash.value_or(""),
                     decision->transcript_hash.value_or(""));
}

/// The same for a lane that may not be held to bits here: then agent, role and hash of the input.
inline std::string fingerprint(const Result<Decision>& decision, bool bits) {
  if (bits || !decision) return fingerprint(decision);
  return fmt::format("{}/{} {}", decision->agent_id, decision->role_id,
                     decision->transcript_hash.value_or(""));
}

}  // namespace trinity::testing
