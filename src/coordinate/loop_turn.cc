// A turn from the router's decision to what the reply means.
#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "coordinate/loop.h"
#include "hash/canonical.h"
#include "route/decision.h"

namespace trinity::coordinate {
namespace {

constexpr std::size_t kMostTurnErrorBytes = 500;

std::optional<std::string> hash_of(const trace::Trace& trace,
                                   const std::optional<std::string>& text) {
  if (!text || !trace.enabled()) return std::nullopt;
  auto hash = hash::trace_text_hash(*text);
  if (!hash) return std::nullopt;
  return *hash;
}

Json usage_json(const std::optional<Usage>& usage) {
  if (!usage) return {};
  return {{"input", usage->input},
          {"output", usage->output},
          {"cached_input", usage->cached_input},
          {"reasoning", usage->reasoning},
          {"estimated", usage->estimated}};
}

std::string error_text(const trace::Trace& trace, const Error& error) {
  return error.tag + ": " + excerpt(trace.redacted(error.message), kMostTurnErrorBytes);
}

/// What a mock is, before and after it was asked.
trace::MemberFacts mock_member() {
  return {"mock", "mock_agent_fn", std::nullopt, std::nullopt, std::nullopt, std::nullopt};
}

}  // namespace

/// Agent and role of the turn, a pending suggestion applied.
void Loop::choose_role() {
  selected_ = {decision_.agent_id,
               decision_.role_id,
               role_name_of(decision_.role_id),
               decision_.role_id,
               role_name_of(decision_.role_id),
               false,
               std::nullopt};
  if (!suggestion_ || !options_.respect_thinker_suggestions) return;
  const std::vector<int> masked = masked_roles();
  if (std::find(masked.begin(), masked.end(), suggestion_->role_id) != masked.end()) {
    suggestion_.reset();  // nobody can judge what is not there
    return;
  }
  selected_.role_id = suggestion_->role_id;
  selected_.role_name = role_name_of(suggestion_->role_id);
  selected_.overridden = true;
  selected_.suggestion_hash = hash_of(trace_, suggestion_->text);
}

Step Loop::decided(Result<Decided> decided) {
  if (phase_ != Phase::deciding) return out_of_step("decided");
  if (!decided) return fail_run(std::move(decided.error()));
  extraction_ = std::move(decided->extraction);
  if (const Status state =
          trace::write_event(trace_, trace::SlmExtracted{turn_, extraction_, transcript_hash_});
      !state)
    return fail_run(state.error());
  if (!decided->decision) {
    Error error = std::move(decided->decision.error());
    error.message = "the router could not decide: " + error.message;
    error.tag = "routing_failed";
    return fail_run(std::move(error));
  }
  decision_ = std::move(*decided->decision);
  choose_role();
  if (const Status state = trace::write_event(
          trace_, trace::RouteSelected{turn_, extraction_, decision_, selected_});
      !state)
    return fail_run(state.error());
  role_ = role_of(selected_.role_name);
  if (role_ == Role::verifier && !answer_) {
    if (is_author()) return complete("ended_without_response", std::nullopt, false);
    return fail_run({ErrorKind::failed, "verifier_before_worker_response",
                     "the router chose a Verifier before any Worker had answered; use the loop "
                     "profile safe, or begin with an answer to judge"});
  }
  std::optional<Suggestion> used;
  if (selected_.overridden) used = std::exchange(suggestion_, std::nullopt);
  outgoing_ = member_messages(used);
  return dispatch(std::nullopt);
}

std::vector<Message> Loop::member_messages(const std::optional<Suggestion>& used) const {
  if (!is_author())
    return with_role_prompt(options_.prompts, role_, tokens(), conversation_.messages());
  std::optional<std::string> suggestion;
  if (used) suggestion = used->text;
  return author_.for_member(role_, answer_, suggestion);
}

Step Loop::dispatch(std::optional<int> instead_of) {
  Result<trace::MemberFacts> member =
      options_.member ? options_.member(selected_.agent_id) : mock_member();
  if (!member) {
    const Status state = trace::write_event(
        trace_, trace::ProviderFailed{turn_, options_.mock, std::nullopt, selected_,
                                      error_text(trace_, member.error())});
    if (!state) return fail_run(state.error());
    if (is_safe() && role_ == Role::verifier) return verifier_gave_nothing("verifier_failed");
    return fail_run(std::move(member.error()));
  }
  member_ = std::move(*member);
  meter_.count_call();
  if (const auto budget = meter_.before_dispatch(now(), turn_)) return end_of_budget(*budget);
  const Status state = trace::write_event(
      trace_, trace::ProviderStarted{turn_, member_, options_.mock, selected_, instead_of});
  if (!state) return fail_run(state.error());
  phase_ = Phase::calling;
  call_begin_ = now();
  return CallStep{turn_,     selected_.agent_id,          role_number(role_), selected_.role_name,
                  outgoing_, meter_.deadline(call_begin_)};
}

Step Loop::answered(Result<Answer> answer) {
  if (phase_ != Phase::calling) return out_of_step("answered");
  const std::int64_t latency_ms = call_ms();
  if (!answer) return call_failed(std::move(answer.error()), latency_ms);
  if (!answer->provider.empty()) member_.provider = answer->provider;
  if (!answer->provider_model.empty()) member_.provider_model = answer->provider_model;
  count_cost(*answer, latency_ms);
  const trace::ProviderAnswered answered{turn_,
                                         member_.provider,
                                         member_.provider_model,
                                         options_.mock,
                                         latency_ms,
                                         selected_,
                                         hash_of(trace_, answer->text).value_or(""),
                                         usage_json(answer->usage),
                                         answer->cost_usd};
  std::optional<BudgetExceeded> budget = meter_.after_dispatch(latency_ms, turn_);
  if (!budget) budget = meter_.after_cost(turn_);
  if (!budget) return weigh(*answer, answered);
  if (const Status state = trace::write_event(trace_, answered); !state)
    return fail_run(state.error());
  return end_of_budget(*budget);
}

void Loop::count_cost(const Answer& answer, std::int64_t latency_ms) {
  if (answer.usage) usage_ += *answer.usage;
  std::optional<double> cost = answer.cost_usd;
  if (!cost && options_.cost_estimator)
    cost =
        options_.cost_estimator({selected_.agent_id, selected_.role_name, member_.provider,
                                 member_.provider_model, answer.text, options_.mock, latency_ms});
  if (cost) {
    meter_.add_cost(*cost);
    cost_usd_ = meter_.cost_usd();
    return;
  }
  if (meter_.limits_cost() && !options_.cost_estimator && warnings_.empty())
    warnings_.push_back(
        "max_estimated_cost_usd was set, but an answer came without a price and there is no "
        "cost_estimator_fn: its cost counts as nothing; give the members prices");
}

Step Loop::call_failed(Error error, std::int64_t latency_ms) {
  const Status state =
      trace::write_event(trace_, trace::ProviderFailed{turn_, options_.mock, latency_ms, selected_,
                                                       error_text(trace_, error)});
  if (!state) return fail_run(state.error());
  // What was cut off at its deadline failed for want of time, whatever the member says.
  if (const auto budget = meter_.after_deadline(now(), latency_ms, turn_))
    return end_of_budget(*budget);
  // Somebody else's budget, such as that of the key: whoever is asked next would not be paid for.
  if (is_safe() && answer_ && error.tag == "budget_exceeded")
    return complete("budget_exceeded", answer_, false);
  if (is_safe() && role_ == Role::verifier) return verifier_gave_nothing("verifier_failed");
  return fail_run(std::move(error));
}

/// Profile safe: a Verifier failed or abstained. Another member is asked once; then the answer is
/// given without a verdict.
Step Loop::verifier_gave_nothing(const char* status) {
  const int failed = selected_.agent_id, other = another_agent();
  if (asked_again_ || other == failed) return complete(status, answer_, false);
  asked_again_ = true;
  selected_.agent_id = other;
  return dispatch(failed);
}

/// The agent that the router likes best besides the one that was asked.
int Loop::another_agent() const {
  const auto logits = decision_.agent_logits();
  int best = selected_.agent_id;
  for (int id = 0; id < options_.num_agents; ++id) {
    if (id == selected_.agent_id) continue;
    const auto at = static_cast<std::size_t>(id);
    const bool better = best == selected_.agent_id ||
                        (at < logits.size() && logits[at] > logits[static_cast<std::size_t>(best)]);
    if (better) best = id;
  }
  return best;
}

/// Whether the answer is one; a Verifier may have said nothing.
Step Loop::weigh(const Answer& answer, const trace::ProviderAnswered& answered) {
  std::optional<Verdict> verdict;
  if (role_ == Role::verifier)
    verdict =
        is_author() ? parse_author_verdict(answer.text) : parse_verdict(answer.text, tokens());
  if (!is_safe() || !verdict || verdict->status != VerdictStatus::unknown)
    return take(answer, answered, verdict);
  if (const Status state = trace::write_event(trace_, answered); !state)
    return fail_run(state.error());
  return verifier_gave_nothing("verifier_abstained");
}

Step Loop::take(const Answer& answer, const trace::ProviderAnswered& answered,
                const std::optional<Verdict>& verdict) {
  if (!is_author()) {
    if (Status state = conversation_.append_assistant(answer.text); !state)
      return fail_run(std::move(state.error()));
  } else if (role_ == Role::worker) {
    author_.add_thought(answer.text);
  }
  const bool accepted = verdict && !answer_fault_ && is_accepted(selected_.role_name, *verdict);
  suggestion_.reset();
  if (role_ == Role::thinker) suggestion_ = parse_suggestion(answer.text);
  std::optional<std::string> fault;
  const bool has_form = role_ == Role::worker && options_.fault_of_form && !answer.calls_tools;
  if (has_form) fault = options_.fault_of_form(answer.text);
  // One that has the form outlives those behind it that have not.
  if (role_ == Role::worker && (!fault || !answer_ || answer_fault_)) {
    answer_ = answer.text;
    answer_fault_ = fault;
  }

  std::optional<trace::VerdictFacts> facts;
  if (verdict)
    facts = trace::VerdictFacts{verdict_status_name(verdict->status),
                                verdict_status_name(safe_status(verdict->status)),
                                hash_of(trace_, verdict->diagnosis)};
  std::optional<std::string> suggested_role, suggested_hash;
  if (suggestion_) {
    suggested_role = suggestion_->role_name;
    suggested_hash = hash_of(trace_, suggestion_->text);
  }
  std::optional<trace::FormFacts> form;
  if (has_form)
    form =
        trace::FormFacts{answer.form_order, fault ? "revised" : "accepted", hash_of(trace_, fault)};
  Json route;
  if (trace_.enabled()) {
    Decision told = decision_;
    told.agent_id = selected_.agent_id;
    told.role_id = selected_.role_id;
    told.role_name = selected_.role_name;
    told.trace_messages_hash = transcript_hash_;
    route = route::trace_map(told);
  }
  Status state = trace::write_event(trace_, answered);
  if (state)
    state = trace::write_event(
        trace_, trace::TurnCompleted{answered, extraction_, decision_, transcript_hash_, facts,
                                     suggested_role, suggested_hash, accepted, std::move(route),
                                     std::move(form)});
  if (!state) return fail_run(state.error());
  ++completed_turns_;
  if (answer.calls_tools) return complete("tool_calls", answer.text, false);
  if (accepted)
    return complete(
        "accepted",
        options_.profile == LoopProfile::reference ? std::optional(answer.text) : answer_, true);
  if (fault)
    if (Status sent = send_back(*fault); !sent) return fail_run(std::move(sent.error()));
  if (verdict || fault) {
    meter_.count_revision();
    if (const auto budget = meter_.after_revision(turn_)) return end_of_budget(*budget);
  }
  ++turn_;
  return next_turn();
}

/// What is wrong with the form of an answer joins the conversation, where a Verifier's word would.
Status Loop::send_back(const std::string& fault) {
  ++form_checks_;
  const std::string word = options_.revise_token + ": " + fault;
  if (!is_author()) return conversation_.append_assistant(word);
  author_.add_thought(word);
  return {};
}

}  // namespace trinity::coordinate
