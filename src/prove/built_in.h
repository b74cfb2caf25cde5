// Files of lab/ at the repository's root that are compiled into the program: its own eval cases,
// the snapshots of them, and the published bits of the exact lanes.
#pragma once

#include <optional>
#include <string_view>

namespace trinity::prove {

/// By file name, for example "tiny_router.json" or "tiny_router.cpu_f32.json".
std::optional<std::string_view> built_in_lab_file(std::string_view name);

}  // namespace trinity::prove
