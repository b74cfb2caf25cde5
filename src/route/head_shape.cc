#include "route/head_shape.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/try.h"

namespace trinity {
namespace {

// The member `name` of an object, null when there is none.
const nlohmann::json* member(const nlohmann::json* value, const char* name) {
  if (value == nullptr || !value->is_object()) return nullptr;
  const auto found = value->find(name);
  return found == value->end() || found->is_null() ? nullptr : &*found;
}

bool is_dimension(const nlohmann::json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() > 0;
}

}  // namespace

Result<std::array<std::size_t, 2>> manifest_head_shape(const nlohmann::json& manifest) {
  const nlohmann::json* shape = member(&manifest, "router_head_shape");
  if (shape == nullptr) {
    shape = member(member(member(&manifest, "python_semantic_manifest"), "routing"), "head_shape");
  }
  if (shape == nullptr || !shape->is_array() || shape->size() != 2 || !is_dimension((*shape)[0]) ||
      !is_dimension((*shape)[1])) {
    return fail(ErrorKind::invalid_input, "malformed_manifest",
                "the manifest is malformed: neither router_head_shape nor "
                "python_semantic_manifest.routing.head_shape is [outputs, hidden]; export the "
                "bundle again");
  }
  return std::array<std::size_t, 2>{(*shape)[0].get<std::size_t>(), (*shape)[1].get<std::size_t>()};
}

Status check_head_invariant(std::size_t num_agents, std::size_t num_roles, std::size_t hidden_size,
                            const nlohmann::json& manifest) {
  TRINITY_TRY(const auto shape, manifest_head_shape(manifest));
  if (num_agents + num_roles != shape[0]) {
    return fail(ErrorKind::invalid_input, "invalid_head_shape",
                "the manifest says output_count=" + std::to_string(shape[0]) +
                    " but num_agents + num_roles = " + std::to_string(num_agents + num_roles) +
                    "; use the head and the role count that the bundle was made with");
  }
  if (hidden_size != shape[1]) {
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                "the manifest says hidden-size " + std::to_string(shape[1]) +
                    " but the head takes " + std::to_string(hidden_size) +
                    "; use the head that belongs to this bundle");
  }
  return {};
}

}  // namespace trinity
