#include "serve/run_options.h"

#include <algorithm>

namespace trinity::serve {

coordinate::LoopOptions loop_options(coordinate::LoopOptions options, const RunRequest& run) {
  if (const auto* loop = std::get_if<LoopModel>(&run.choice)) {
    if (loop->profile != options.profile) {  // the server's own may have been told otherwise
      const coordinate::LoopOptions defaults = coordinate::default_options(loop->profile);
      options.rule = defaults.rule;
      options.input_mode = defaults.input_mode;
    }
    options.profile = loop->profile;
  } else {
    // One turn, and whatever role the router would choose it is a Worker's.
    options.profile = coordinate::LoopProfile::safe;
    options.max_turns = 1;
    for (auto& [id, name] : options.role_names) name = "Worker";
  }
  options.tool_messages = true;
  const auto tighten = [](std::optional<std::int64_t>& limit, std::int64_t by) {
    limit = std::min(limit.value_or(by), by);
  };
  if (run.limits.time) tighten(options.budgets.max_wall_time_ms, run.limits.time->count());
  if (run.limits.caps.calls) tighten(options.budgets.max_provider_calls, *run.limits.caps.calls);
  if (run.form.is_asked())
    options.fault_of_form = [form = run.form](const std::string& text) {
      return form.fault_of(text);
    };
  options.strict_form = run.form.is_strict();
  const auto pool = run.pool;
  options.member = [pool](int agent) -> Result<trace::MemberFacts> {
    const provider::PoolMember* const member = pool->at_slot(agent);
    if (member == nullptr)
      return fail(ErrorKind::missing, "unknown_agent",
                  "no member of the pool answers for agent " + std::to_string(agent));
    const provider::MemberConfig& config = member->config;
    return trace::MemberFacts{
        provider::member_kind_name(config.kind),
        config.model,
        config.url.text.empty() ? std::nullopt : std::optional(config.url.origin()),
        config.timeout.count(),
        config.max_output,
        std::nullopt};
  };
  return options;
}

}  // namespace trinity::serve
