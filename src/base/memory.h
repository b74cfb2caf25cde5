// How much memory this process may still take.
//
// The least of what the system can hand out without swapping (MemAvailable of /proc/meminfo) and
// what is left below the limits of the process's control groups, from its own up to the root
// (memory.max of version 2, memory.limit_in_bytes of version 1). Pages of files that a group holds
// count as free, because the kernel drops them first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace trinity {

/// Bytes; nothing where the system does not say. `root` is where /proc and /sys are found.
std::optional<std::uint64_t> available_memory(const std::filesystem::path& root = "/");

}  // namespace trinity
