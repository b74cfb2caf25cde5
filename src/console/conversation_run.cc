#include "console/conversation_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "coordinate/run.h"

namespace trinity::console {
namespace {

using coordinate::CallStep;
using coordinate::DecideStep;
using coordinate::Finished;
using coordinate::Step;

bool is_inside(const provider::MemberConfig& member) {
  return member.kind == provider::MemberKind::demo || member.kind == provider::MemberKind::scripted;
}

/// Nobody answers for the slot; Pool::open has seen to it that this does not happen.
tl::unexpected<Error> no_member(int agent_id) {
  return fail(ErrorKind::invalid_input, "unknown_agent",
              fmt::format("slot {} of the head has no member in the pool; add one", agent_id));
}

Result<trace::MemberFacts> facts_of(const provider::Pool& pool, int agent_id) {
  const provider::PoolMember* member = pool.at_slot(agent_id);
  if (member == nullptr) return no_member(agent_id);
  const provider::MemberConfig& config = member->config;
  trace::MemberFacts facts;
  facts.provider = provider::member_kind_name(config.kind);
  facts.provider_model = config.model;
  if (!is_inside(config)) {
    facts.base_url = config.url.origin();
    facts.timeout_ms = config.timeout.count();
  }
  facts.max_tokens = config.defaults.max_tokens;
  facts.temperature = config.defaults.temperature;
  return facts;
}

/// `given`: messages that the run began with.
Result<coordinate::Answer> ask_member(const RunSetup& setup, const CallStep& step,
                                      std::size_t given, const std::string& run_id,
                                      const Interruption& interruption, RunLog& log) {
  const provider::PoolMember* member = setup.pool.at_slot(step.agent_id);
  if (member == nullptr) return no_member(step.agent_id);
  const bool streams = coordinate::role_of(step.role_name) == coordinate::Role::worker;
  MemberCall call{step.role_name, step.messages, step.deadline, run_id};
  // Behind the role's prompt; the author's profile puts all into one message instead.
  if (step.messages.size() > given + 1) call.earlier_turns = step.messages.size() - given - 1;
  TRINITY_TRY(MemberReply reply, call_member(setup.pool, *member, call, interruption,
                                             streams ? setup.on_worker_text : OnText()));
  log.answered(reply.answer.text, reply.cut);
  return std::move(reply.answer);
}

}  // namespace

void fit_loop(coordinate::LoopOptions& options, const Router& router, const provider::Pool& pool) {
  const RouterInfo& info = router.info();
  options.num_agents = static_cast<int>(info.num_agents);
  options.num_roles = static_cast<int>(info.num_roles);
  options.runtime_metadata = coordinate::runtime_metadata(info);
  options.member = [&pool](int agent_id) { return facts_of(pool, agent_id); };
  options.mock =
      std::all_of(pool.members().begin(), pool.members().end(),
                  [](const provider::PoolMember& member) { return is_inside(member.config); });
}

RunEnd run_conversation(const RunSetup& setup, std::vector<Message> conversation,
                        const Interruption& interruption) {
  const Stopwatch watch;
  const auto log = std::make_shared<RunLog>(setup.pool, setup.trace, setup.listener);
  trace::TraceOptions tracing;
  tracing.enabled = true;
  tracing.sink = log;
  tracing.redaction_values = setup.secrets;
  tracing.messages = setup.trace_messages && setup.trace != nullptr;
  Result<trace::Trace> trace = trace::Trace::open(std::move(tracing));
  if (!trace) return {{tl::unexpected(std::move(trace.error())), {}, {}}, log, {}, 0, 0};
  const std::string run_id = trace->run_id();
  const coordinate::Decide decide = coordinate::decide_with(setup.router);
  const std::size_t given = conversation.size();
  coordinate::Loop loop(setup.loop, std::move(conversation), std::move(*trace));
  Step step = loop.begin();
  while (!std::holds_alternative<Finished>(step)) {
    if (interruption.signal() != 0) {
      step = loop.cancel();
    } else if (const auto* question = std::get_if<DecideStep>(&step)) {
      Result<coordinate::Decided> decided = decide(*question);
      if (decided && decided->decision) log->decided(*decided->decision);
      step = loop.decided(std::move(decided));
    } else {
      Result<coordinate::Answer> answer =
          ask_member(setup, std::get<CallStep>(step), given, run_id, interruption, *log);
      step =
          interruption.signal() != 0 && !answer ? loop.cancel() : loop.answered(std::move(answer));
    }
  }
  return {std::get<Finished>(std::move(step)), log, run_id, watch.elapsed_ms(),
          interruption.signal()};
}

}  // namespace trinity::console
