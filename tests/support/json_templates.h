// nlohmann::json for tests, its members compiled once instead of in every source
// (json_templates.cc). The precompiled header of tests reads this; a source that includes the
// library alone works as well.
#pragma once

#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;
extern template class nlohmann::basic_json<nlohmann::ordered_map>;
