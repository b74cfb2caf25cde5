#include "replay/recorded_turn.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/try.h"
#include "hash/canonical.h"
#include "route/selection.h"
#include "trace/redact.h"

namespace trinity::replay {
namespace {

constexpr int kVerifierRole = 2;  // what `role_masked` alone means
constexpr int kMostSlots = 4096;  // of a head; what a trace claims is not believed beyond

std::vector<float> floats_of(const Json& list) {
  std::vector<float> out;
  for (const Json& one : list) out.push_back(static_cast<float>(one.as_double()));
  return out;
}

std::optional<SeedTriple> seed_of(const Json& json) {
  if (!json.is_array() || json.size() != 3) return std::nullopt;
  return SeedTriple{json[0].as_uint64(), json[1].as_uint64(), json[2].as_uint64()};
}

SelectionMode mode_of(const Json& json) {
  return route::parse_selection_mode("", json.as_string()).value_or(SelectionMode::argmax);
}

int id_of(const Json& json) {
  const std::int64_t id = json.to_int64().value_or(-1);
  return id < 0 || id > 1'000'000 ? -1 : static_cast<int>(id);
}

std::optional<chat::Usage> usage_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  return chat::Usage{json["input"].as_int64(), json["output"].as_int64(),
                     json["cached_input"].as_int64(), json["reasoning"].as_int64(),
                     json["estimated"].as_bool()};
}

bool holds_redaction(const std::vector<Message>& messages) {
  const auto redacted = [](const std::string& text) {
    return text.find(trace::kRedacted) != std::string::npos;
  };
  return std::any_of(messages.begin(), messages.end(), [&](const Message& message) {
    return redacted(message.role) || redacted(message.content) ||
           (message.reasoning_content && redacted(*message.reasoning_content)) ||
           std::any_of(message.tool_calls.begin(), message.tool_calls.end(),
                       [&](const ToolCall& call) {
                         return redacted(call.name) || redacted(call.arguments);
                       });
  });
}

/// What was read must be what the router read, to the byte: its hash was recorded beside it.
std::optional<Obstacle> obstacle_of(const std::vector<Message>& messages, const Json& hash) {
  const auto now = hash::trace_messages_hash(messages);
  if (now && *now == hash.as_string()) return std::nullopt;
  return holds_redaction(messages) ? Obstacle::redacted : Obstacle::altered;
}

}  // namespace

const char* obstacle_name(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::no_text:
      return "no_text";
    case Obstacle::redacted:
      return "redacted";
    case Obstacle::altered:
      return "altered";
    case Obstacle::begin_lost:
      return "begin_lost";
    case Obstacle::undecided:
      return "undecided";
    case Obstacle::pinned:
      return "pinned";
    case Obstacle::router_failed:
      return "router_failed";
  }
  return "";
}

Result<Choice> choose(std::span<const float> agent_logits, std::span<const float> role_logits,
                      const Selection& selection) {
  const auto seed_for = [](SelectionMode mode,
                           const std::optional<SeedTriple>& seed) -> Result<SeedTriple> {
    if (mode == SelectionMode::sample && !seed)
      return fail(ErrorKind::invalid_input, "missing_seed",
                  "the trace has no seed for a choice that was drawn; give one with --seed");
    return seed.value_or(SeedTriple{});
  };
  TRINITY_TRY(const SeedTriple agent_seed, seed_for(selection.agent, selection.agent_seed));
  TRINITY_TRY(const SeedTriple role_seed, seed_for(selection.role, selection.role_seed));
  std::vector<float> roles(role_logits.begin(), role_logits.end());
  for (const int masked : selection.masked_roles)
    if (masked >= 0 && static_cast<std::size_t>(masked) < roles.size())
      roles[static_cast<std::size_t>(masked)] = -std::numeric_limits<float>::infinity();
  TRINITY_TRY(
      const route::SplitSelection agent,
      route::select_split(agent_logits, selection.agent, selection.temperature, false, agent_seed));
  TRINITY_TRY(const route::SplitSelection role,
              route::select_split(roles, selection.role, selection.temperature, false, role_seed));
  return Choice{static_cast<int>(agent.index), static_cast<int>(role.index)};
}

Status TurnReader::read(const Json& event) {
  const std::string& id = event["run_id"].as_string();
  const std::string& name = event["event"].as_string();
  auto found = open_.find(id);
  if (found == open_.end()) {
    ++runs_;
    found = open_.emplace(id, Run()).first;
  }
  Run& run = found->second;
  if (name == "turn_started") {
    TRINITY_CHECK(hand_on(run));
    return begin_turn(run, event);
  }
  if (name == "run_completed" || name == "run_failed") {
    TRINITY_CHECK(hand_on(run));
    open_.erase(found);
    return {};
  }
  if (!run.turn || event["turn"].to_int64() != run.turn->turn) return {};
  if (name == "route_selected") decided(run, event);
  if (name == "provider_called") called(run, event);
  if (name == "turn_completed") return hand_on(run);
  return {};
}

Status TurnReader::finish() {
  unfinished_ = open_.size();
  for (auto& [id, run] : open_) TRINITY_CHECK(hand_on(run));
  open_.clear();
  return {};
}

Status TurnReader::begin_turn(Run& run, const Json& event) {
  run.decided = false;
  RecordedTurn& turn = run.turn.emplace();
  turn.run_id = event["run_id"].as_string();
  turn.turn = event["turn"].as_int64();
  const Json* const input = event.find("router_input");
  if (input == nullptr) {
    turn.obstacle = Obstacle::no_text;
    return {};
  }
  Result<trace::RouterInput> read = run.inputs.read(*input);
  if (!read) {
    turn.obstacle =
        read.error().tag == "lost_router_input" ? Obstacle::begin_lost : Obstacle::altered;
    return {};
  }
  turn.input = std::move(*read);
  turn.obstacle = obstacle_of(turn.input.messages, event["transcript_hash"]);
  return {};
}

void TurnReader::decided(Run& run, const Json& event) {
  RecordedTurn& turn = *run.turn;
  run.decided = true;
  turn.agent_logits = floats_of(event["agent_logits"]);
  turn.role_logits = floats_of(event["role_logits"]);
  turn.chosen = {id_of(event["selected_agent"]), id_of(event["raw_selected_role_id"])};
  turn.acting_role = event["selected_role_name"].as_string();
  turn.selection = {mode_of(event["agent_selection_mode"]),
                    mode_of(event["role_selection_mode"]),
                    event["selection_temperature"].to_double().value_or(1),
                    seed_of(event["agent_seed"]),
                    seed_of(event["role_seed"]),
                    turn.input.masked_roles};
  if (turn.selection.masked_roles.empty() && event["role_masked"].as_bool())
    turn.selection.masked_roles = {kVerifierRole};
  if (turn.obstacle) return;
  const Result<Choice> own = choose(turn.agent_logits, turn.role_logits, turn.selection);
  if (!own) {
    turn.obstacle = Obstacle::altered;
  } else if (own->agent_id != turn.chosen.agent_id || own->role_id != turn.chosen.role_id) {
    turn.obstacle = Obstacle::pinned;
  }
}

void TurnReader::called(Run& run, const Json& event) {
  RecordedTurn& turn = *run.turn;
  const std::string& status = event["status"].as_string();
  if (status == "started" && event["instead_of_agent"].is_null()) {
    turn.model = event["provider_model"].as_string();
    if (const int slot = id_of(event["selected_agent"]); slot >= 0 && slot < kMostSlots)
      models_[slot] = turn.model;
  }
  if (status != "ok") return;
  turn.usage = usage_of(event["usage"]);
  turn.cost_usd = event["cost_usd"].to_double();
}

Status TurnReader::hand_on(Run& run) {
  if (!run.turn) return {};
  RecordedTurn turn = std::move(*run.turn);
  run.turn.reset();
  if (!run.decided && !turn.obstacle) turn.obstacle = Obstacle::undecided;
  if (turn.obstacle) turn.input.messages.clear();  // nobody reads them
  return take_(std::move(turn));
}

}  // namespace trinity::replay
