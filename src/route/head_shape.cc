#include "route/head_shape.h"

#include <cstdint>
#include <string>

#include "base/json_value.h"
#include "base/try.h"

namespace trinity::route {
namespace {

// The member `name` of an object, null when there is none.
const Json* member(const Json* value, const char* name) {
  if (value == nullptr) return nullptr;
  const Json* const found = value->find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

bool is_dimension(const Json& value) { return value.is_number_integer() && value.as_int64() > 0; }

}  // namespace

Result<std::array<std::size_t, 2>> manifest_head_shape(const Json& manifest) {
  const Json* shape = member(&manifest, "router_head_shape");
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
  return std::array<std::size_t, 2>{(*shape)[0].as_uint64(), (*shape)[1].as_uint64()};
}

Status check_head_invariant(std::size_t num_agents, std::size_t num_roles, std::size_t hidden_size,
                            const Json& manifest) {
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

}  // namespace trinity::route
