#include "coordinate/run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "route/decision.h"
#include "route/selection.h"

namespace trinity::coordinate {
namespace {

constexpr const char* kHostLabel = "trinity.cpu";

tl::unexpected<Error> no_context() {
  return fail(ErrorKind::usage, "missing_slm_context",
              "nothing is there to decide with; load a router, or give an extractor");
}

/// Whether the shape holds so many values; computed without overflow.
bool holds(std::span<const std::int64_t> shape, std::size_t count) {
  std::size_t rest = count;
  for (const std::int64_t dimension : shape) {
    if (dimension <= 0 || rest % static_cast<std::size_t>(dimension) != 0) return false;
    rest /= static_cast<std::size_t>(dimension);
  }
  return rest == 1;
}

Status check_record(const ExtractionRecord& record) {
  const bool finite = std::all_of(record.vector.begin(), record.vector.end(),
                                  [](float value) { return std::isfinite(value); });
  if (!record.vector.empty() && finite &&
      (record.vector_shape.empty() || holds(record.vector_shape, record.vector.size())))
    return {};
  return fail(ErrorKind::invalid_input, "invalid_extractor_result",
              "the extractor gave no vector that can be decided by; it must be finite, not empty, "
              "and as large as its shape says");
}

Result<Decision> decision_of(const route::Head& head, std::span<const float> vector,
                             const DecisionRule& rule) {
  TRINITY_TRY(const std::vector<float> logits, head.logits(vector));
  TRINITY_TRY(Route chosen, route::select_route(logits, head.num_agents(), head.num_roles(), rule));
  route::DecisionOptions options;
  options.hashes = false;
  return route::make_decision(std::move(chosen), std::monostate{}, options);
}

/// Errors of a router that had a vector but could not select by it.
bool is_about_selecting(const Error& error) {
  constexpr std::array<std::string_view, 5> kTags = {"non_finite_logits", "equal_logits",
                                                     "invalid_logits", "invalid_temperature",
                                                     "no_randomness"};
  return std::find(kTags.begin(), kTags.end(), error.tag) != kTags.end();
}

RunResult refused(Error error) {
  RunResult result{{tl::unexpected(std::move(error)), std::nullopt, {}}, {}, {}};
  return result;
}

}  // namespace

Decide decide_with(Extractor extractor, route::Head head) {
  const auto shared = std::make_shared<const route::Head>(std::move(head));
  return [extractor = std::move(extractor), shared](const DecideStep& step) -> Result<Decided> {
    if (!extractor) return no_context();
    TRINITY_TRY(ExtractionRecord record, extractor(step.messages));
    TRINITY_CHECK(check_record(record));
    if (record.vector_shape.empty())
      record.vector_shape = {1, static_cast<std::int64_t>(record.vector.size())};
    if (record.hidden_state_shape.empty()) record.hidden_state_shape = record.vector_shape;
    return Decided{
        {record.input_shapes, record.hidden_state_shape, record.vector_shape, kHostLabel},
        decision_of(*shared, record.vector, step.rule)};
  };
}

Decide decide_with(const Router& router, InputOptions input) {
  return [&router, input](const DecideStep& step) -> Result<Decided> {
    InputOptions options = input;
    options.input_mode = step.input_mode;
    Result<Decision> decision = router.route(step.messages, options, step.rule);
    if (!decision && !is_about_selecting(decision.error()))
      return tl::unexpected(std::move(decision.error()));
    const RouterInfo& info = router.info();
    const auto tokens = decision ? static_cast<std::int64_t>(decision->token_count) : 0;
    Json shapes = Json::object();
    std::vector<std::int64_t> states = {1, info.hidden_size};
    if (tokens > 0) {
      shapes = {{"input_ids", {1, tokens}}, {"attention_mask", {1, tokens}}};
      states = {1, tokens, info.hidden_size};
    }
    return Decided{{std::move(shapes), std::move(states), {1, info.hidden_size}, info.label},
                   std::move(decision)};
  };
}

Ask ask_with(AgentHook hook) {
  return [hook = std::move(hook)](const CallStep& step) -> Result<Answer> {
    if (!hook)
      return fail(ErrorKind::usage, "invalid_mock_agent_fn",
                  "nothing is there to ask; give a pool, or a function that answers");
    const char* const role = role_symbol(role_of(step.role_name));
    TRINITY_TRY(std::string text,
                hook(role, step.messages, HookFacts{step.role_name, role, step.agent_id}));
    if (!is_valid_utf8(text))
      return fail(ErrorKind::invalid_input, "invalid_mock_agent_response",
                  "the function that answers gave a text that is not UTF-8; it must be");
    return Answer{std::move(text)};
  };
}

Json runtime_metadata(const RouterInfo& info) {
  if (!info.artifact_identity) return Json::object();
  Json metadata = *info.artifact_identity;
  metadata["trinity_runtime_profile"] = info.profile;
  return metadata;
}

RunResult run_loop(std::vector<Message> conversation, RunOptions options) {
  if (options.require_governed && !options.governed)
    return refused({ErrorKind::usage, "governed_authority_required",
                    "this program runs governed conversations only; give a governed authority"});
  if (options.governed) {
    DirectFields direct;
    direct.mock_agent_fn = options.loop.mock;
    if (Status state = refuse_direct_fields(direct); !state)
      return refused(std::move(state.error()));
    const auto& secrets = options.governed->redaction_values;
    options.trace.redaction_values.insert(options.trace.redaction_values.end(), secrets.begin(),
                                          secrets.end());
  }
  Result<trace::Trace> trace = trace::Trace::open(std::move(options.trace));
  if (!trace) return refused(std::move(trace.error()));
  const Decide decide = options.decide
                            ? std::move(options.decide)
                            : [](const DecideStep&) -> Result<Decided> { return no_context(); };
  const Ask ask = options.ask ? std::move(options.ask) : ask_with(AgentHook());
  const std::string run_id = trace->run_id();
  Loop loop(std::move(options.loop), std::move(conversation), std::move(*trace),
            std::move(options.clock));
  Step step = loop.begin();
  while (!std::holds_alternative<Finished>(step)) {
    if (const auto* question = std::get_if<DecideStep>(&step))
      step = loop.decided(decide(*question));
    else
      step = loop.answered(ask(std::get<CallStep>(step)));
  }
  return {std::get<Finished>(std::move(step)), loop.transcript(), run_id};
}

}  // namespace trinity::coordinate
