// A pin: which files of which revision of which repository, and the SHA-256 of each.
//
//   {"version":1, "repo_id":"o/n", "revision":"v1.0.0", "manifest_sha256":"…",
//    "files":[{"path":"manifest.json", "sha256":"…"}, …]}
//
// Ours, all optional: "repo_type" ("model" or "dataset", the latter is the default), "mirrors"
// (other endpoints that serve the same repository), "size" of a file in bytes, and a "sha256" of
// null: the hash is not known, and only what the hub says about the file can be checked. An
// optional key with the value null is one that is not there.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/repo.h"

namespace trinity::hub {

struct PinFile {
  std::string path;                   // relative, with forward slashes
  std::optional<std::string> sha256;  // 64 lower-case digits
  std::optional<std::uint64_t> size;  // bytes
  /// The size comes from the hub's list, to foretell how long it takes: it proves nothing.
  bool size_is_listed = false;

  std::optional<std::uint64_t> pinned_size() const { return size_is_listed ? std::nullopt : size; }
};

struct Pin {
  Repo repo;
  std::string manifest_sha256;  // of the file manifest.json; empty = not stated
  std::vector<std::string> mirrors;
  std::vector<PinFile> files;
};

inline constexpr std::size_t kMaxPinFiles = 100'000;

/// Errors: `invalid_pin` (no JSON, wrong types or values), `missing_pin_key` (names it),
/// `unsupported_pin_version`, `invalid_repo`, `path_outside_folder`, `conflicting_paths`.
Result<Pin> parse_pin(std::string_view text);

/// The same from a file; also `missing_file` and the other errors of read_text_file.
Result<Pin> load_pin(const std::filesystem::path& path);

/// What parse_pin checks beyond the JSON, for a pin that was put together in memory.
Status require_valid_pin(const Pin& pin);

/// Pretty JSON with a line feed at the end; parse_pin gives the same pin back.
std::string pin_json(const Pin& pin);

/// 64 lower-case hexadecimal digits.
bool is_sha256_hex(std::string_view text);

}  // namespace trinity::hub
