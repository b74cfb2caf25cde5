// The loop of a run: router and pool take turns until a Verifier accepts or a budget ends it.
//
// The loop does no input or output of its own (but for events to its trace). It is a value that is
// asked what to do next, and told what came of it:
//
//   Loop loop(options, conversation, trace);
//   for (Step step = loop.begin(); ; ) {
//     if (auto* decide = std::get_if<DecideStep>(&step)) step = loop.decided(ask_router(*decide));
//     else if (auto* call = std::get_if<CallStep>(&step)) step = loop.answered(ask_member(*call));
//     else return std::get<Finished>(step);
//   }
//
// So a command drives it by waiting (coordinate/run.h), and a server drives thousands of them from
// a few threads. Each turn: budgets, what the router reads, its decision, a Thinker's suggestion,
// the role's prompt, budgets again, the call, what the reply means. What differs between the
// profiles is in coordinate/loop_profile.h. The loop looks at nothing of a message but its role and
// text.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>
#include <trinity/message.h>
#include <trinity/options.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chat/chat.h"
#include "coordinate/author_messages.h"
#include "coordinate/budgets.h"
#include "coordinate/conversation.h"
#include "coordinate/loop_profile.h"
#include "coordinate/roles.h"
#include "coordinate/suggestion.h"
#include "coordinate/verdict.h"
#include "trace/events.h"
#include "trace/router_input.h"
#include "trace/trace.h"

namespace trinity::coordinate {

using chat::Usage;

/// What a cost is estimated from.
struct DispatchRecord {
  int agent_id = 0;
  std::string role_name;
  std::string provider, provider_model;
  std::string response_text;
  bool mock = false;
  std::int64_t latency_ms = 0;
};
/// In USD; nothing where it is not known.
using CostEstimator = std::function<std::optional<double>(const DispatchRecord&)>;

/// What is known of a member before it is asked. An error ends the turn without a call.
using MemberLookup = std::function<Result<trace::MemberFacts>(int agent_id)>;

struct LoopOptions {
  LoopProfile profile = LoopProfile::reference;
  int max_turns = 5;
  int num_agents = 7;
  int num_roles = 3;
  /// Of the router's role outputs; one that is not named is a Worker.
  std::map<int, std::string> role_names = {{0, "Worker"}, {1, "Thinker"}, {2, "Verifier"}};
  std::string accept_token = "ACCEPT";
  std::string revise_token = "REVISE";
  bool respect_thinker_suggestions = true;
  bool tool_messages = false;  // the conversation may have messages of role "tool"
  RolePrompts prompts;
  Budgets budgets;
  DecisionRule rule;  // passed through to the router
  InputMode input_mode = InputMode::plain;
  bool mock = false;             // what `provider_mode` in the trace says: "mock" or "live"
  MemberLookup member;           // empty: every member is the hook of a test
  CostEstimator cost_estimator;  // of answers that have no cost of their own
  /// What is wrong with the form of a Worker's answer, as a sentence; nothing: it is as asked for.
  /// A wrong one goes back with that sentence as a Verifier's diagnosis would. That takes a turn
  /// and no call; no Verifier judges the answer, or accepts it, before its form is right.
  std::function<std::optional<std::string>(const std::string& text)> fault_of_form;
  bool strict_form = false;  // an answer of another form is none: the run ends with an error
  Json runtime_metadata = Json::object();  // which artifact decides, for the trace
  /// What whoever answers must be able to do, for a trace that records messages; nothing: nobody is
  /// passed over for it.
  std::optional<std::vector<std::string>> needs;
};

/// The defaults of a profile: the author's samples agent and role and reads a chat template.
LoopOptions default_options(LoopProfile profile);

/// The router is to be asked.
struct DecideStep {
  int turn = 0;
  std::vector<Message> messages;  // what it reads
  /// With the roles that may not be chosen now (profile safe), and in the author's profile with a
  /// seed for each turn.
  DecisionRule rule;
  InputMode input_mode = InputMode::plain;
};

/// What the router said, with the facts that the trace records. An error instead of a Decided means
/// that there was no vector; one inside, that nothing could be selected from it.
struct Decided {
  trace::ExtractionFacts extraction;
  Result<Decision> decision;
};

/// A member of the pool is to be asked.
struct CallStep {
  int turn = 0;
  int agent_id = 0;
  std::optional<int> role_id;  // 0, 1 or 2; none for an unknown role
  std::string role_name;
  std::vector<Message> messages;  // the role's prompt first
  /// The call must have ended then, for the budgets of wall time and latency.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

/// What a member said.
struct Answer {
  std::string text;
  std::optional<Usage> usage = {};
  std::optional<double> cost_usd = {};  // known price
  /// Instead of what MemberLookup said, where they are not empty.
  std::string provider = {}, provider_model = {};
  /// Tools are called, which the client runs: the run ends here with the final status tool_calls,
  /// and goes on in another one that begins with what the tools gave.
  bool calls_tools = false;
  std::string form_order = {};  // how the member was told the form of its answer, for the trace
};

struct Outcome {
  std::string text;                   // reference: on acceptance the Verifier's own text
  std::optional<std::string> answer;  // the latest Worker text
  /// accepted, max_turns_latest_worker_response, budget_exceeded, verifier_failed,
  /// verifier_abstained, ended_without_response or tool_calls.
  std::string final_status;
  bool verified = false;
  int turns = 0;  // that were completed
  Usage usage;    // of all answers, dropped ones too
  double cost_usd = 0;
  std::optional<std::string> form_fault = {};  // of the answer, where a form was asked for
};

struct Finished {
  /// Errors: `budget_exceeded`, `max_turns_reached`, `verifier_before_worker_response`,
  /// `routing_failed`, `answer_not_in_form`, `cancelled`, `unexpected_orchestrator_state`,
  /// `invalid_budget`, `invalid_max_turns`, `unsupported_message_role`, and those of router, member
  /// and sink.
  Result<Outcome> outcome;
  std::optional<BudgetExceeded> budget;  // that ended the run
  std::vector<std::string> warnings;
};

using Step = std::variant<DecideStep, CallStep, Finished>;

class Loop {
 public:
  /// What is wrong with the options or the conversation is said by `begin`, before any event.
  Loop(LoopOptions options, std::vector<Message> conversation, trace::Trace trace,
       Clock clock = {});

  Step begin();
  Step decided(Result<Decided> decided);
  Step answered(Result<Answer> answer);
  /// Ends the run with `cancelled`; what is under way is dropped.
  Step cancel();

  /// The conversation with the answers that joined it.
  const std::vector<Message>& transcript() const { return conversation_.messages(); }

 private:
  enum class Phase { fresh, deciding, calling, ended };

  // loop.cc: begin and end of a run and a turn
  Status check_start();
  Json router_input(const DecideStep& step);
  Step next_turn();
  std::vector<Message> router_messages() const;
  DecisionRule rule_of_turn() const;
  std::vector<int> masked_roles() const;
  Step complete(const char* status, const std::optional<std::string>& text, bool verified,
                const std::optional<BudgetExceeded>& budget = std::nullopt);
  Step fail_run(Error error, const std::optional<BudgetExceeded>& budget = std::nullopt);
  Step end_of_budget(const BudgetExceeded& budget);
  Step end(Result<Outcome> outcome, const std::optional<BudgetExceeded>& budget);
  Step out_of_step(const char* called);
  void close_call(const std::string& why);
  std::int64_t call_ms() const;
  std::chrono::steady_clock::time_point now() const;
  std::string role_name_of(int role_id) const;
  bool is_safe() const { return options_.profile == LoopProfile::safe; }
  bool is_author() const { return options_.profile == LoopProfile::author; }
  VerdictTokens tokens() const { return {options_.accept_token, options_.revise_token}; }

  // loop_turn.cc: what happens in a turn
  void choose_role();
  std::vector<Message> member_messages(const std::optional<Suggestion>& used) const;
  Step dispatch(std::optional<int> instead_of);
  Step call_failed(Error error, std::int64_t latency_ms);
  Step weigh(const Answer& answer, const trace::ProviderAnswered& answered);
  Step take(const Answer& answer, const trace::ProviderAnswered& answered,
            const std::optional<Verdict>& verdict);
  Step verifier_gave_nothing(const char* status);
  Status send_back(const std::string& fault);
  void count_cost(const Answer& answer, std::int64_t latency_ms);
  int another_agent() const;

  LoopOptions options_;
  std::vector<Message> start_;
  trace::Trace trace_;
  Clock clock_;

  Phase phase_ = Phase::fresh;
  std::optional<Finished> finished_;
  Conversation conversation_;
  AuthorMessages author_;
  BudgetMeter meter_;
  std::optional<std::string> answer_;  // of the latest Worker, a well-formed one if there is one
  std::optional<std::string> answer_fault_;  // what is wrong with its form
  int form_checks_ = 0;                      // that sent an answer back; each takes a turn
  std::optional<Suggestion> suggestion_;
  int turn_ = 0;
  bool in_turn_ = false;
  int completed_turns_ = 0;
  Usage usage_;
  double cost_usd_ = 0;
  std::vector<std::string> warnings_;
  trace::RouterInputWriter recorded_;  // of a trace that records messages

  // Of the turn.
  std::string transcript_hash_;
  trace::ExtractionFacts extraction_;
  Decision decision_;
  trace::Selected selected_{};
  Role role_ = Role::unknown;
  std::vector<Message> outgoing_;
  trace::MemberFacts member_;
  bool asked_again_ = false;
  std::chrono::steady_clock::time_point call_begin_;
};

}  // namespace trinity::coordinate
