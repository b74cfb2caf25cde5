// Names of the lanes that a parameterised test runs on; an absent one skips itself.
#pragma once

#include <string>
#include <vector>

#include "backend_registry/registry.h"

namespace trinity::testing {

inline std::vector<std::string> every_lane() {
  std::vector<std::string> ids;
  for (const backend::BackendEntry& entry : backend::backend_registry()) ids.push_back(entry.id);
  return ids;
}

}  // namespace trinity::testing
