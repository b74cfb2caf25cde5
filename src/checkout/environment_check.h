// Whether a run meets what is expected of its surroundings: the device target that it was told, and
// a folder with an adapted bundle.
//
// The target is a name that other programs of this family are built for and write into manifests as
// `xla_target`. This program chooses at run time how to compute, so it only compares the name.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace trinity::checkout {

/// "cpu", "cuda", "cuda12", "cuda13", "rocm", "tpu"; spelled exactly so.
std::span<const std::string_view> known_targets();
inline constexpr std::string_view kRecommendedTarget = "cuda12";

/// An empty target is an unset one and allowed; an empty requirement asks for nothing. Errors:
/// `unknown_target`, `target_not_set`, `target_mismatch`.
Status check_target(const std::string& target, const std::string& required);

/// Errors: `missing_artifact_dir`, `missing_manifest`.
Status check_artifact_dir(const std::filesystem::path& folder);

}  // namespace trinity::checkout
