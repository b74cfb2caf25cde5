// What a client means by a model's name: the pool under one of its rules, or a member of it.
//
//   trinity              the loop under the server's own rules
//   trinity:safe         the loop under the rules of that name; also :reference and :author
//   trinity:fast         one routed Worker turn, streamed as it comes
//   NAME                 that member, no loop
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/json_value.h"
#include "coordinate/loop_profile.h"
#include "provider/pool_config.h"

namespace trinity::serve {

/// The loop under these rules.
struct LoopModel {
  coordinate::LoopProfile profile = coordinate::LoopProfile::safe;
};
/// One routed turn of a Worker.
struct FastModel {};
/// A member of the pool.
struct MemberModel {
  std::string name;
};
using ModelChoice = std::variant<LoopModel, FastModel, MemberModel>;

struct ModelNames {
  coordinate::LoopProfile default_profile = coordinate::LoopProfile::safe;
  /// What a name that nobody knows stands for: many clients cannot be told another than "gpt-4o".
  /// Empty: an error.
  std::string unknown_model;

  /// Error: `model_not_found`, naming those that there are.
  Result<ModelChoice> resolve(std::string_view name, const provider::PoolConfig& pool) const;
};

/// Tokens that every member which can be chosen takes: what a client may send without knowing who
/// will answer. Nothing: of one of them it is not known.
std::optional<std::int64_t> context_floor(const provider::PoolConfig& pool);

/// The body of GET /v1/models, and of GET /v1/models/ID. `created`: seconds since 1970.
Json model_list(const provider::PoolConfig& pool, std::int64_t created);
/// Error: `model_not_found`.
Result<Json> model_entry(const provider::PoolConfig& pool, std::string_view id,
                         std::int64_t created);

}  // namespace trinity::serve
