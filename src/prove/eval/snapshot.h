// Snapshots: the decisions, margins, rounded logits and hashes of one lane over a set of cases.
//
// A snapshot is what a later run of the same lane is compared with. Only agent, role, token count
// and transcript hash are compared by default: they hold across machines. Logits and the route hash
// hold within one profile on one machine, so equality of route hashes is asserted on request only.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/profile.h"

namespace trinity::prove {

struct SnapshotCase {
  std::string id;
  int agent_id = 0;
  int role_id = 0;
  std::uint64_t token_count = 0;
  double agent_margin = 0;
  double role_margin = 0;
  std::vector<double> agent_logits;  // rounded to 6 decimals
  std::vector<double> role_logits;
  std::string transcript_hash;
  std::string route_hash;
};

/// The origin of a snapshot that is compiled in.
inline constexpr const char* kBuiltInOrigin = "built in";

struct EvalSnapshot {
  std::string origin;  // the file, or "built in"
  std::string generated_at;
  std::vector<SnapshotCase> cases;
  // The rest is known of our own snapshots only; empty in those of the reference.
  std::string profile;
  std::string fidelity_mode;
  std::string producer;
  std::string model;                                   // for people
  std::optional<backend::MarginFloors> margin_floors;  // of the lane that was recorded
};

/// Errors: those of parse_json, `unsupported_schema_version`, `invalid_snapshot`.
Result<EvalSnapshot> read_snapshot(std::string_view text, std::string origin);
/// The same from a file. Errors also those of read_text_file.
Result<EvalSnapshot> load_snapshot(const std::filesystem::path& path);

/// The document, pretty and with sorted keys, ending in a line feed.
std::string snapshot_json(const EvalSnapshot& snapshot);

/// Where the snapshot of a profile lies: the explicit path as it is, even if nothing is there; else
/// <base>/examples/fixtures/runtime_profiles/<profile>/qwen_router_prompt_eval_logits.json of the
/// first of the profile's names under which that is a regular file; else nowhere.
std::optional<std::filesystem::path> find_snapshot(const std::string& explicit_path,
                                                   const std::filesystem::path& base,
                                                   std::span<const std::string> profile_names);

/// A profile's name as part of a file name: "plugin:openblas" gives "plugin_openblas".
std::string profile_file_stem(std::string_view profile);

/// The built-in snapshot of a profile over the built-in cases; nothing when there is none.
Result<std::optional<EvalSnapshot>> built_in_snapshot(std::string_view profile);

/// The present time, or another, as 2026-05-20T23:09:18.183509Z.
std::string timestamp_now();
std::string timestamp_of(std::chrono::system_clock::time_point time);

}  // namespace trinity::prove
