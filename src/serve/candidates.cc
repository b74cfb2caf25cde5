#include "serve/candidates.h"

#include <algorithm>
#include <utility>

#include "coordinate/roles.h"
#include "provider/fitness.h"

namespace trinity::serve {
namespace {

/// Slots by how much the router wants them, the chosen one first.
std::vector<int> ranking(const Decision& decision, int chosen) {
  std::vector<int> slots(decision.agent_logits().size());
  for (std::size_t n = 0; n < slots.size(); ++n) slots[n] = static_cast<int>(n);
  const auto logits = decision.agent_logits();
  std::stable_sort(slots.begin(), slots.end(), [&](int a, int b) {
    if ((a == chosen) != (b == chosen)) return a == chosen;
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  if (slots.empty()) slots.push_back(chosen);
  return slots;
}

}  // namespace

bool is_worker(const std::string& role) {
  return coordinate::role_of(role) == coordinate::Role::worker;
}

std::vector<const provider::PoolMember*> candidates_for(
    const provider::Pool& pool, const Decision& decision, const coordinate::CallStep& step,
    chat::ChatRequest needs, std::optional<Error>& unfit, std::vector<PassedOver>& passed_over) {
  std::vector<const provider::PoolMember*> list;
  needs.sampling.logprobs = false;  // given where the member has them
  const std::vector<int> slots = ranking(decision, step.agent_id);
  using Format = chat::OutputFormat::Kind;
  for (const Format format : {Format::json_schema, Format::json_object, Format::text}) {
    if (format > needs.format.kind || !list.empty()) continue;
    needs.format.kind = format;
    passed_over.clear();
    for (const int slot : slots) {
      const provider::PoolMember* const member = pool.at_slot(slot);
      if (member == nullptr) continue;
      if (is_worker(step.role_name)) {
        if (auto why = provider::unfit(member->config, needs)) {
          passed_over.push_back({member->config.name, why->message});
          unfit = std::move(why);
          continue;
        }
      }
      if (std::find(list.begin(), list.end(), member) == list.end()) list.push_back(member);
    }
  }
  return list;
}

}  // namespace trinity::serve
