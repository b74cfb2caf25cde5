// Begin and end of a run, and of a turn up to the router.
#include "coordinate/loop.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "hash/canonical.h"

namespace trinity::coordinate {
namespace {

constexpr std::size_t kMostErrorBytes = 500;

/// A seed of its own for each turn, so that turns are drawn independently and a run can be
/// replayed.
SelectionSeed seed_of_turn(const SelectionSeed& seed, int turn) {
  if (const auto* integer = std::get_if<std::int64_t>(&seed))
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(*integer) +
                                     static_cast<std::uint64_t>(turn));
  if (const auto* triple = std::get_if<SeedTriple>(&seed))
    return SeedTriple{(*triple)[0] + static_cast<std::uint64_t>(turn), (*triple)[1], (*triple)[2]};
  return seed;
}

}  // namespace

LoopOptions default_options(LoopProfile profile) {
  LoopOptions options;
  options.profile = profile;
  if (profile == LoopProfile::author) {
    options.rule.agent_selection = options.rule.role_selection = SelectionMode::sample;
    options.input_mode = InputMode::chat_raw;
  }
  return options;
}

Loop::Loop(LoopOptions options, std::vector<Message> conversation, trace::Trace trace, Clock clock)
    : options_(std::move(options)),
      start_(std::move(conversation)),
      trace_(std::move(trace)),
      clock_(std::move(clock)) {}

std::chrono::steady_clock::time_point Loop::now() const {
  return clock_ ? clock_() : std::chrono::steady_clock::now();
}

std::string Loop::role_name_of(int role_id) const {
  const auto found = options_.role_names.find(role_id);
  return found == options_.role_names.end() ? "Worker" : found->second;
}

Status Loop::check_start() {
  if (options_.max_turns < 0)
    return fail(ErrorKind::usage, "invalid_max_turns",
                "a run cannot have " + std::to_string(options_.max_turns) +
                    " turns; give a number of at least 0");
  TRINITY_CHECK(check_budgets(options_.budgets));
  TRINITY_TRY(conversation_,
              Conversation::start(std::move(start_), options_.tool_messages
                                                         ? Conversation::Roles::with_tools
                                                         : Conversation::Roles::plain));
  return {};
}

Step Loop::begin() {
  if (phase_ != Phase::fresh) return out_of_step("begin");
  if (Status state = check_start(); !state)
    return end(tl::unexpected(std::move(state.error())), std::nullopt);
  meter_ = BudgetMeter(options_.budgets, now());
  if (is_author())
    author_ = AuthorMessages(options_.prompts, conversation_.messages(), options_.num_agents);
  else
    answer_ = conversation_.last_answer();
  if (answer_ && options_.fault_of_form) answer_fault_ = options_.fault_of_form(*answer_);
  const Status state = trace::write_event(
      trace_,
      trace::RunStarted{options_.runtime_metadata, options_.max_turns, options_.num_agents,
                        options_.num_roles, options_.mock, loop_profile_name(options_.profile)});
  if (!state) return end(tl::unexpected(state.error()), std::nullopt);
  phase_ = Phase::deciding;
  return next_turn();
}

std::vector<Message> Loop::router_messages() const {
  return is_author() ? author_.for_router() : conversation_.messages();
}

std::vector<int> Loop::masked_roles() const {
  std::vector<int> masked;
  if (!is_safe() || (answer_ && !answer_fault_)) return masked;
  for (int id = 0; id < options_.num_roles; ++id)
    if (role_of(role_name_of(id)) == Role::verifier) masked.push_back(id);
  return masked;
}

DecisionRule Loop::rule_of_turn() const {
  DecisionRule rule = options_.rule;
  if (is_author()) rule.seed = seed_of_turn(rule.seed, turn_);
  for (const int role : masked_roles()) rule.masked_roles.push_back(role);
  return rule;
}

/// Null unless the trace records messages.
Json Loop::router_input(const DecideStep& step) {
  if (!trace_.records_messages()) return {};
  return recorded_.write({step.messages, step.input_mode, step.rule.masked_roles, options_.needs});
}

Step Loop::next_turn() {
  in_turn_ = false;
  if (turn_ + form_checks_ >= options_.max_turns) {
    if (answer_) return complete("max_turns_latest_worker_response", answer_, false);
    return fail_run({ErrorKind::failed, "max_turns_reached",
                     "no Worker had answered when the " + std::to_string(options_.max_turns) +
                         " turns of this run were over; allow more turns"});
  }
  if (const auto budget = meter_.at_turn_start(now(), turn_)) return end_of_budget(*budget);
  asked_again_ = false;
  DecideStep step{turn_, router_messages(), rule_of_turn(), options_.input_mode};
  if (trace_.enabled()) {  // hashing a long conversation costs more than a turn of the loop
    auto hash = hash::trace_messages_hash(step.messages);
    if (!hash) return fail_run(std::move(hash.error()));
    transcript_hash_ = std::move(*hash);
  }
  in_turn_ = true;
  const Status state =
      trace::write_event(trace_, trace::TurnStarted{turn_, options_.max_turns, transcript_hash_,
                                                    step.messages.size(), router_input(step)});
  if (!state) return fail_run(state.error());
  phase_ = Phase::deciding;
  return step;
}

Step Loop::complete(const char* status, const std::optional<std::string>& text, bool verified,
                    const std::optional<BudgetExceeded>& budget) {
  if (options_.strict_form && answer_fault_ && std::string_view(status) != "tool_calls")
    return fail_run(
        {ErrorKind::failed, "answer_not_in_form",
         "no answer had the form that was asked for when the run ended (" + std::string(status) +
             "): " + *answer_fault_ + "; allow more turns, or ask without strict"},
        budget);
  std::optional<std::string> hash;
  if (text && trace_.enabled()) {
    auto made = hash::trace_text_hash(*text);
    if (!made) return fail_run(std::move(made.error()));
    hash = std::move(*made);
  }
  const Status state = trace::write_event(
      trace_,
      trace::RunCompleted{turn_, status, hash, verified, budget ? budget->details() : Json()});
  if (!state) return end(tl::unexpected(state.error()), budget);
  return end(Outcome{text.value_or(""), answer_, status, verified, completed_turns_, usage_,
                     cost_usd_, answer_fault_},
             budget);
}

Step Loop::fail_run(Error error, const std::optional<BudgetExceeded>& budget) {
  Json reason = error.tag;
  if (budget) reason = Json::array({error.tag, budget->kind});
  std::optional<int> turn;
  if (in_turn_) turn = turn_;
  // The error is that of the run, whatever becomes of its last event.
  (void)trace::write_event(
      trace_,
      trace::RunFailed{turn, reason, excerpt(trace_.redacted(error.message), kMostErrorBytes),
                       budget ? budget->details() : Json()});
  return end(tl::unexpected(std::move(error)), budget);
}

/// Ends a call that is under way, in the trace.
void Loop::close_call(const std::string& why) {
  if (phase_ != Phase::calling) return;
  (void)trace::write_event(trace_,
                           trace::ProviderFailed{turn_, options_.mock, call_ms(), selected_, why});
}

std::int64_t Loop::call_ms() const {
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(now() - call_begin_);
  return std::max<std::int64_t>(0, time.count());
}

Step Loop::end_of_budget(const BudgetExceeded& budget) {
  if (is_safe() && answer_) return complete("budget_exceeded", answer_, false, budget);
  return fail_run(budget.error(), budget);
}

Step Loop::end(Result<Outcome> outcome, const std::optional<BudgetExceeded>& budget) {
  phase_ = Phase::ended;
  finished_ = Finished{std::move(outcome), budget, warnings_};
  return *finished_;
}

Step Loop::out_of_step(const char* called) {
  if (finished_) return *finished_;
  Error error{ErrorKind::failed, "unexpected_orchestrator_state",
              std::string("the loop was told '") + called +
                  "' when it waited for something else; this is a defect of what drives it"};
  if (phase_ == Phase::fresh) return end(tl::unexpected(std::move(error)), std::nullopt);
  close_call(error.tag);
  return fail_run(std::move(error));
}

Step Loop::cancel() {
  if (phase_ == Phase::ended) return *finished_;
  Error error{ErrorKind::failed, "cancelled",
              "the run was cancelled before it had ended; ask again"};
  if (phase_ == Phase::fresh) return end(tl::unexpected(std::move(error)), std::nullopt);
  close_call(error.tag);
  return fail_run(std::move(error));
}

}  // namespace trinity::coordinate
