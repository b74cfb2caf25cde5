#include "replay/replay.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "base/try.h"
#include "hash/canonical.h"
#include "provider/fitness.h"
#include "route/margins.h"
#include "route/selection.h"

namespace trinity::replay {
namespace {

constexpr std::size_t kBatch = 16;

/// The best first.
std::vector<int> ranking(std::span<const float> logits, int chosen) {
  std::vector<int> slots(logits.size());
  for (std::size_t n = 0; n < slots.size(); ++n) slots[n] = static_cast<int>(n);
  std::stable_sort(slots.begin(), slots.end(), [&](int a, int b) {
    if ((a == chosen) != (b == chosen)) return a == chosen;
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  return slots;
}

/// The conversation as far as a member's room depends on it.
chat::ChatRequest request_of(const std::vector<Message>& messages) {
  chat::ChatRequest request;
  for (const Message& message : messages) {
    chat::ChatMessage& one = request.messages.emplace_back();
    one.role = message.role;
    one.content.push_back({.kind = chat::Part::Kind::text, .text = message.content});
  }
  return request;
}

Decided with_margins(const Choice& choice, std::span<const float> agents,
                     std::span<const float> roles) {
  Decided out;
  static_cast<Choice&>(out) = choice;
  out.agent_margin = route::logit_margin(agents).value_or(0);
  out.role_margin = route::logit_margin(roles).value_or(0);
  return out;
}

Choice held(const Decided& before, const Decided& now, double threshold) {
  return {now.agent_margin < threshold ? before.agent_id : now.agent_id,
          now.role_margin < threshold ? before.role_id : now.role_id};
}

}  // namespace

struct Replay::Impl {
  explicit Impl(ReplayOptions given)
      : options(std::move(given)),
        reader([this](RecordedTurn turn) { return keep(std::move(turn)); }) {}

  Status keep(RecordedTurn turn) {
    if (turn.obstacle) {
      skip(turn, *turn.obstacle);
      return {};
    }
    // One call of the router has one way of reading.
    if (!waiting.empty() && mode_of(waiting.front()) != mode_of(turn)) decide();
    waiting.push_back(std::move(turn));
    if (waiting.size() >= kBatch) decide();
    return {};
  }

  InputMode mode_of(const RecordedTurn& turn) const {
    return options.input_mode.value_or(turn.input.input_mode);
  }

  void skip(const RecordedTurn& turn, Obstacle obstacle, std::string why = {}) {
    auto [found, is_new] =
        skipped.try_emplace(obstacle, Skipped{obstacle, 0, turn.run_id, turn.turn, std::move(why)});
    ++found->second.turns;
  }

  void decide() {
    if (waiting.empty()) return;
    std::vector<QueryView> queries;
    for (const RecordedTurn& turn : waiting) queries.emplace_back(turn.input.messages);
    InputOptions reading = options.reading;
    reading.input_mode = mode_of(waiting.front());
    const std::vector<Result<Decision>> decisions = options.router->route_batch(queries, reading);
    for (std::size_t n = 0; n < waiting.size(); ++n) compare(waiting[n], decisions[n]);
    waiting.clear();
  }

  Selection selection_of(const RecordedTurn& turn) const {
    Selection selection = turn.selection;
    selection.agent = options.agent_selection.value_or(selection.agent);
    selection.role = options.role_selection.value_or(selection.role);
    selection.temperature = options.temperature.value_or(selection.temperature);
    if (!std::holds_alternative<std::monostate>(options.seed)) {
      const route::SplitSeeds seeds = route::split_seeds(options.seed);
      selection.agent_seed = seeds.agent;
      selection.role_seed = seeds.role;
    }
    return selection;
  }

  void compare(const RecordedTurn& turn, const Result<Decision>& decision) {
    if (!decision) return skip(turn, Obstacle::router_failed, decision.error().message);
    const auto agents = decision->agent_logits(), roles = decision->role_logits();
    const Result<Choice> choice = choose(agents, roles, selection_of(turn));
    if (!choice) return skip(turn, Obstacle::router_failed, choice.error().message);
    ReplayedTurn out;
    out.run_id = turn.run_id;
    out.turn = turn.turn;
    out.before = with_margins(turn.chosen, turn.agent_logits, turn.role_logits);
    out.raw = with_margins(*choice, agents, roles);
    out.after = held(out.before, out.raw, options.threshold);
    out.model = turn.model;
    std::vector<float> logits = turn.agent_logits;
    logits.insert(logits.end(), turn.role_logits.begin(), turn.role_logits.end());
    const auto old_hash = hash::route_hash(turn.chosen.agent_id, turn.chosen.role_id, logits);
    const auto new_hash = hash::route_hash(choice->agent_id, choice->role_id, decision->logits);
    out.same_route_hash = old_hash && new_hash && *old_hash == *new_hash;
    find_asked(turn, agents, out);
    find_costs(turn, out);
    results.turns.push_back(std::move(out));
  }

  const provider::MemberConfig* member_of(int slot) const {
    if (options.pool == nullptr || slot < 0 ||
        static_cast<std::size_t>(slot) >= results.slots.size())
      return nullptr;
    return options.pool->find(results.slots[static_cast<std::size_t>(slot)]);
  }

  /// Who of the pool would be asked: a Worker's slot is passed over where its member cannot take
  /// the conversation.
  void find_asked(const RecordedTurn& turn, std::span<const float> agents, ReplayedTurn& out) {
    out.asked_slot = out.after.agent_id;
    if (options.pool == nullptr || !turn.input.needs || turn.acting_role != "Worker") return;
    const std::int64_t tokens = provider::estimated_input(request_of(turn.input.messages));
    const auto why_not = [&](const provider::MemberConfig& member) -> std::optional<std::string> {
      if (auto need = provider::unmet_need(member, *turn.input.needs)) return need;
      if (member.context && tokens >= *member.context) return "context";
      return std::nullopt;
    };
    const provider::MemberConfig* const chosen = member_of(out.after.agent_id);
    if (chosen == nullptr) return;
    out.masked = why_not(*chosen);
    if (!out.masked) return;
    out.asked_slot.reset();
    for (const int slot : ranking(agents, out.after.agent_id)) {
      const provider::MemberConfig* const member = member_of(slot);
      if (member == nullptr || why_not(*member)) continue;
      out.asked_slot = slot;
      return;
    }
  }

  void find_costs(const RecordedTurn& turn, ReplayedTurn& out) const {
    out.cost_before = turn.cost_usd;
    if (!turn.usage || !out.asked_slot) return;
    const provider::MemberConfig* const member = member_of(*out.asked_slot);
    if (member != nullptr && member->price)
      out.cost_after = static_cast<double>(cost_micro_usd(*member->price, *turn.usage)) / 1e6;
  }

  ReplayOptions options;
  TurnReader reader;
  std::vector<RecordedTurn> waiting;
  std::map<Obstacle, Skipped> skipped;
  ReplayResults results;
};

Replay::Replay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replay::Replay(Replay&&) noexcept = default;
Replay::~Replay() = default;

Result<Replay> Replay::begin(ReplayOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  const ReplayOptions& kept = impl->options;
  impl->results.threshold = kept.threshold;
  impl->results.priced = kept.pool != nullptr;
  if (kept.pool != nullptr) {
    TRINITY_TRY(impl->results.slots,
                provider::slot_table(*kept.pool, kept.router->info().num_agents));
  }
  return Replay(std::move(impl));
}

Status Replay::take(const Json& event) { return impl_->reader.read(event); }

void Replay::note(trace::TraceFault fault) { impl_->results.faults.push_back(std::move(fault)); }

Result<ReplayResults> Replay::finish() {
  TRINITY_CHECK(impl_->reader.finish());
  impl_->decide();
  ReplayResults& results = impl_->results;
  results.runs = impl_->reader.runs();
  results.unfinished_runs = impl_->reader.unfinished_runs();
  for (const auto& [obstacle, one] : impl_->skipped) results.skipped.push_back(one);
  if (impl_->options.pool == nullptr)
    for (const auto& [slot, model] : impl_->reader.models()) {
      if (static_cast<std::size_t>(slot) >= results.slots.size())
        results.slots.resize(static_cast<std::size_t>(slot) + 1);
      results.slots[static_cast<std::size_t>(slot)] = model;
    }
  return std::move(results);
}

// ---- what it comes to ---------------------------------------------------------------------------

std::size_t ReplayResults::skipped_turns() const {
  std::size_t sum = 0;
  for (const Skipped& one : skipped) sum += one.turns;
  return sum;
}

namespace {

template <typename Of>
std::size_t count_of(const std::vector<ReplayedTurn>& turns, Of&& of) {
  return static_cast<std::size_t>(std::count_if(turns.begin(), turns.end(), of));
}

}  // namespace

std::size_t ReplayResults::changed() const {
  return count_of(turns, [](const ReplayedTurn& turn) { return turn.changed(); });
}
std::size_t ReplayResults::changed_agent() const {
  return count_of(turns, [](const ReplayedTurn& turn) { return !turn.same_agent(); });
}
std::size_t ReplayResults::changed_role() const {
  return count_of(turns, [](const ReplayedTurn& turn) { return !turn.same_role(); });
}
std::size_t ReplayResults::equal_route_hashes() const {
  return count_of(turns, [](const ReplayedTurn& turn) { return turn.same_route_hash; });
}
std::size_t ReplayResults::masked() const {
  return count_of(turns, [](const ReplayedTurn& turn) { return turn.masked.has_value(); });
}

double ReplayResults::changed_fraction() const {
  return turns.empty() ? 0 : static_cast<double>(changed()) / static_cast<double>(turns.size());
}

std::vector<ThresholdRow> ReplayResults::thresholds() const {
  std::vector<ThresholdRow> rows;
  for (const double least : kThresholds) {
    ThresholdRow row{least, 0, 0};
    for (const ReplayedTurn& turn : turns) {
      const Choice after = held(turn.before, turn.raw, least);
      row.below += turn.raw.agent_margin < least || turn.raw.role_margin < least ? 1 : 0;
      row.changed +=
          after.agent_id != turn.before.agent_id || after.role_id != turn.before.role_id ? 1 : 0;
    }
    rows.push_back(row);
  }
  return rows;
}

std::string ReplayResults::slot_name(int slot) const {
  if (slot >= 0 && static_cast<std::size_t>(slot) < slots.size() &&
      !slots[static_cast<std::size_t>(slot)].empty())
    return slots[static_cast<std::size_t>(slot)];
  return "slot " + std::to_string(slot);
}

std::vector<Transition> ReplayResults::transitions() const {
  std::map<std::tuple<int, std::string, int>, std::size_t> counts;
  for (const ReplayedTurn& turn : turns)
    ++counts[{turn.before.agent_id, turn.model, turn.after.agent_id}];
  std::vector<Transition> out;
  for (const auto& [key, count] : counts) {
    const auto& [from, model, to] = key;
    out.push_back(
        {from, to, model.empty() ? "slot " + std::to_string(from) : model, slot_name(to), count});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Transition& a, const Transition& b) { return a.turns > b.turns; });
  return out;
}

CostComparison compare_costs(const ReplayResults& results) {
  CostComparison out;
  for (const ReplayedTurn& turn : results.turns) {
    if (!turn.cost_before || !turn.cost_after) {
      ++out.unknown;
      continue;
    }
    ++out.turns;
    out.before += *turn.cost_before;
    out.after += *turn.cost_after;
  }
  return out;
}

std::optional<double> quantile(std::vector<double> values, double share) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return values[std::min(index, values.size() - 1)];
}

}  // namespace trinity::replay
