#include "base/memory.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace trinity {
namespace {

using Bytes = std::optional<std::uint64_t>;

/// A file of one number; nothing for "max" and for what is not there.
Bytes number_in(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::uint64_t value = 0;
  if (stream >> value) return value;
  return std::nullopt;
}

/// The number behind a word that begins a line.
Bytes field_in(const std::filesystem::path& file, std::string_view field) {
  std::ifstream stream(file);
  std::string word;
  for (std::string line; stream >> word; std::getline(stream, line)) {
    std::uint64_t value = 0;
    if (word == field && stream >> value) return value;
  }
  return std::nullopt;
}

struct GroupFiles {
  const char *limit, *usage, *file_pages;
};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", "file"};
constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "cache"};

/// What the groups from `group` up to `mount` leave.
Bytes left_by_groups(const std::filesystem::path& mount, std::filesystem::path group,
                     const GroupFiles& names) {
  Bytes least;
  for (;; group = group.parent_path()) {
    const std::filesystem::path folder = mount / group.relative_path();
    const Bytes limit = number_in(folder / names.limit), used = number_in(folder / names.usage);
    if (limit && used) {
      const std::uint64_t files = field_in(folder / "memory.stat", names.file_pages).value_or(0);
      const std::uint64_t held = *used - std::min(*used, files);
      const std::uint64_t left = *limit - std::min(*limit, held);
      least = least ? std::min(*least, left) : left;
    }
    if (!group.has_relative_path()) return least;
  }
}

}  // namespace

Bytes available_memory(const std::filesystem::path& root) {
  Bytes least = field_in(root / "proc/meminfo", "MemAvailable:");
  if (least) *least *= 1024;
  // Lines "number:controllers:path"; version 2 has the number 0 and no controllers.
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    Bytes left;
    if (controllers == ",,")
      left = left_by_groups(root / "sys/fs/cgroup", path, kVersion2);
    else if (controllers.find(",memory,") != std::string::npos)
      left = left_by_groups(root / "sys/fs/cgroup/memory", path, kVersion1);
    if (left) least = least ? std::min(*least, *left) : *left;
  }
  return least;
}

}  // namespace trinity
