#include "serve/model_names.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace trinity::serve {
namespace {

using coordinate::LoopProfile;

constexpr std::string_view kPool = "trinity";
constexpr std::array kRules = {
    std::pair{std::string_view("trinity:safe"), LoopProfile::safe},
    std::pair{std::string_view("trinity:reference"), LoopProfile::reference},
    std::pair{std::string_view("trinity:author"), LoopProfile::author}};
constexpr std::string_view kFast = "trinity:fast";

std::vector<std::string> pool_models() {
  std::vector<std::string> names = {std::string(kPool)};
  for (const auto& [name, profile] : kRules) names.emplace_back(name);
  names.emplace_back(kFast);
  return names;
}

/// Members that the router can choose.
std::vector<const provider::MemberConfig*> choosable(const provider::PoolConfig& pool) {
  std::set<std::string> names;
  for (const auto& [slot, name] : pool.slots) names.insert(name);
  if (!pool.other_slots.empty()) names.insert(pool.other_slots);
  std::vector<const provider::MemberConfig*> members;
  for (const provider::MemberConfig& member : pool.members)
    if (names.empty() || names.contains(member.name)) members.push_back(&member);
  return members;
}

Json entry(std::string_view id, std::string_view owner, std::int64_t created,
           std::optional<std::int64_t> context, const provider::Capabilities& capabilities) {
  Json list = Json::array();
  for (const auto& [name, has] : provider::capability_names())
    if (capabilities.*has && has != &provider::Capabilities::choices) list.push_back(name);
  return {{"id", std::string(id)},          {"object", "model"},         {"created", created},
          {"owned_by", std::string(owner)}, {"context_length", context}, {"max_model_len", context},
          {"capabilities", std::move(list)}};
}

Json pool_entry(std::string_view id, const provider::PoolConfig& pool, std::int64_t created) {
  // What one of them can do the pool can do: others are not chosen for it.
  provider::Capabilities any;
  for (const provider::MemberConfig* member : choosable(pool))
    for (const auto& [name, has] : provider::capability_names())
      any.*has = any.*has || member->capabilities.*has;
  return entry(id, "trinity", created, context_floor(pool), any);
}

Json member_entry(const provider::MemberConfig& member, std::int64_t created) {
  return entry(member.name, provider::member_kind_name(member.kind), created, member.context,
               member.capabilities);
}

tl::unexpected<Error> not_found(std::string_view name, const provider::PoolConfig& pool) {
  std::string known;
  for (const std::string& one : pool_models()) known += (known.empty() ? "" : ", ") + one;
  for (const provider::MemberConfig& member : pool.members) known += ", " + member.name;
  return fail(ErrorKind::invalid_input, "model_not_found",
              "model: there is no model \"" + std::string(name) + "\" here; there are " + known);
}

}  // namespace

Result<ModelChoice> ModelNames::resolve(std::string_view name,
                                        const provider::PoolConfig& pool) const {
  const auto find = [&](std::string_view asked) -> std::optional<ModelChoice> {
    if (asked == kPool) return LoopModel{default_profile};
    if (asked == kFast) return FastModel{};
    for (const auto& [rule, profile] : kRules)
      if (asked == rule) return LoopModel{profile};
    if (pool.find(asked) != nullptr) return MemberModel{std::string(asked)};
    return std::nullopt;
  };
  if (const auto found = find(name)) return *found;
  if (!unknown_model.empty())
    if (const auto found = find(unknown_model)) return *found;
  return not_found(name, pool);
}

std::optional<std::int64_t> context_floor(const provider::PoolConfig& pool) {
  std::optional<std::int64_t> floor;
  for (const provider::MemberConfig* member : choosable(pool)) {
    if (!member->context) return std::nullopt;  // it may be the smallest of all
    floor = std::min(floor.value_or(*member->context), *member->context);
  }
  return floor;
}

Json model_list(const provider::PoolConfig& pool, std::int64_t created) {
  Json data = Json::array();
  for (const std::string& name : pool_models()) data.push_back(pool_entry(name, pool, created));
  for (const provider::MemberConfig& member : pool.members)
    data.push_back(member_entry(member, created));
  return {{"object", "list"}, {"data", std::move(data)}};
}

Result<Json> model_entry(const provider::PoolConfig& pool, std::string_view id,
                         std::int64_t created) {
  const std::vector<std::string> names = pool_models();
  if (std::find(names.begin(), names.end(), id) != names.end())
    return pool_entry(id, pool, created);
  if (const provider::MemberConfig* member = pool.find(id)) return member_entry(*member, created);
  return not_found(id, pool);
}

}  // namespace trinity::serve
