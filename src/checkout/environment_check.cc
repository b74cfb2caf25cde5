#include "checkout/environment_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/try.h"
#include "base/utf8.h"
#include "bundle/manifest.h"

namespace trinity::checkout {
namespace {

constexpr std::array<std::string_view, 6> kTargets = {"cpu",    "cuda", "cuda12",
                                                      "cuda13", "rocm", "tpu"};

Status known(const std::string& target, std::string_view what, ErrorKind kind) {
  if (std::find(kTargets.begin(), kTargets.end(), target) != kTargets.end()) return {};
  return fail(kind, "unknown_target",
              fmt::format("trinity.env.check: {} \"{}\" is not one of {}; {} is the recommended "
                          "one, see trinity env-check --help",
                          what, excerpt(target), fmt::join(kTargets, ", "), kRecommendedTarget));
}

}  // namespace

std::span<const std::string_view> known_targets() { return kTargets; }

Status check_target(const std::string& target, const std::string& required) {
  if (!required.empty()) TRINITY_CHECK(known(required, "the value of --require", ErrorKind::usage));
  if (!target.empty()) TRINITY_CHECK(known(target, "the target", ErrorKind::invalid_input));
  if (required.empty() || target == required) return {};
  if (target.empty())
    return fail(ErrorKind::invalid_input, "target_not_set",
                fmt::format("trinity.env.check: the target is not set but --require asks for {}; "
                            "give --target {}",
                            required, required));
  return fail(ErrorKind::invalid_input, "target_mismatch",
              fmt::format("trinity.env.check: the target is {} but --require asks for {}; change "
                          "one of them",
                          target, required));
}

Status check_artifact_dir(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    return fail(ErrorKind::missing, "missing_artifact_dir",
                fmt::format("trinity.env.check: the artifact folder {} does not exist; trinity "
                            "pull or trinity export makes one",
                            folder.string()));
  const std::filesystem::path manifest = folder / bundle::kManifestFile;
  if (!std::filesystem::is_regular_file(manifest, ignored))
    return fail(ErrorKind::missing, "missing_manifest",
                fmt::format("trinity.env.check: the manifest {} is missing; trinity pull or "
                            "trinity export writes it last, run it again",
                            manifest.string()));
  return {};
}

}  // namespace trinity::checkout
