// `trinity pool check`: what can be said of a pool before a run pays for it.
//
// Each HTTP member is asked for its models, which costs nothing: whether it answers, takes the key
// and has the model, and how long a context the server says it serves. Members of other kinds are
// there by definition. Nothing is generated.
#pragma once

#include "provider/pool.h"
#include "report/document.h"

namespace trinity::provider {

struct MemberCheck {
  enum class State { good, warn, bad };
  struct Finding {
    State state = State::good;
    std::string text;  // a sentence, fit to be shown
  };

  std::string name, kind, model, where;                    // where: origin, or "in this program"
  std::optional<bool> reachable, key_accepted, has_model;  // nothing: not asked, or not known
  std::optional<std::int64_t> context_configured, context_learnt;
  bool price_known = false;
  std::chrono::milliseconds took{0};
  std::vector<Finding> findings;  // what is to be done; empty: nothing

  State state() const;
};

struct PoolCheck {
  std::string source;
  std::vector<MemberCheck> members;
  std::vector<std::string> slots;  // member of each slot

  bool ok() const;
};

struct PoolCheckOptions {
  std::int64_t num_agents = 7;
  std::chrono::milliseconds timeout{10'000};  // of each member; all are asked at once
};

/// `config` with its keys resolved. Errors: those of slot_table.
Result<PoolCheck> check_pool(const PoolConfig& config, net::HttpClient& client,
                             const PoolCheckOptions& options = {});

report::Document pool_check_document(const PoolCheck& check);
Json pool_check_json(const PoolCheck& check);

/// The context that a description of a model states, in tokens: vLLM's max_model_len, llama.cpp's
/// meta.n_ctx (or n_ctx_train), context_length, context_window, Anthropic's and Gemini's input
/// limits.
std::optional<std::int64_t> context_of_model(const Json& model);
/// The entry of this model in the answer to a request for models.
const Json* find_model(const Json& answer, std::string_view model);

}  // namespace trinity::provider
