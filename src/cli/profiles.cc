// trinity profiles: the lanes of this program and whether they can run here.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/output.h"
#include "cli/table.h"
#include "router/profile.h"

namespace trinity::cli {
namespace {

struct ProfilesFlags {
  bool json = false;
};

/// Empty when nothing can run.
std::string default_name() {
  const Result<RuntimeProfile> profile = resolve_profile("");
  return profile ? profile->name : std::string();
}

nlohmann::ordered_json record_of(const RuntimeProfile& profile) {
  const auto reason = profile_unavailable(profile);
  nlohmann::ordered_json record = {
      {"name", profile.name},
      {"backend", profile.backend},
      {"description", profile.description},
      {"available", !reason.has_value()},
      {"reason", nullptr},
      {"default", profile.name == default_name()},
      {"exactness", exactness_name(profile.exactness)},
      {"margin_floors", {{"agent", profile.floors.agent}, {"role", profile.floors.role}}},
      {"aliases", profile.aliases},
      {"notes", profile.notes}};
  if (reason) record["reason"] = *reason;
  return record;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string text_of(const RuntimeProfile& profile, Style style) {
  const auto reason = profile_unavailable(profile);
  std::string out = fmt::format(
      "  {} {}{}\n", reason ? style.yellow("–") : style.green("✓"), style.bold(profile.name),
      profile.name == default_name() ? style.green("  (default)") : std::string());
  out += fmt::format("      {}\n", profile.description);
  if (reason) out += fmt::format("      {}\n", style.yellow("unavailable: " + *reason));
  out += fmt::format("      {}, floors {} / {}", exactness_name(profile.exactness),
                     profile.floors.agent, profile.floors.role);
  if (!profile.aliases.empty()) out += fmt::format(", also named {}", joined(profile.aliases));
  if (!profile.notes.empty()) out += fmt::format("\n      {}", joined(profile.notes));
  return out + "\n";
}

Status print(const ProfilesFlags& flags) {
  Output output;
  if (flags.json) {
    nlohmann::ordered_json records = nlohmann::ordered_json::array();
    for (const RuntimeProfile& profile : runtime_profiles()) records.push_back(record_of(profile));
    TRINITY_CHECK(output.write(nlohmann::ordered_json{{"profiles", records}}.dump() + "\n"));
  } else {
    const Style style = Style::for_output(STDOUT_FILENO);
    for (const RuntimeProfile& profile : runtime_profiles())
      TRINITY_CHECK(output.write(text_of(profile, style)));
  }
  return output.flush();
}

void declare(CLI::App& command, ProfilesFlags& flags) {
  add_switch(command, "--json", flags.json, "one JSON object");
  command.footer(
      "A profile never changes what is computed, only how. The floors are the smallest margins\n"
      "(agent / role) that a lane tolerates in an evaluation.\n\n"
      "Example:\n  trinity profiles\n  trinity route --profile cpu_f32 \"Hi\"");
}

int run(const ProfilesFlags& flags) {
  const Status status = print(flags);
  return status ? 0 : report(status.error());
}

}  // namespace

void add_profiles(CLI::App& app, Action& action) {
  add_command<ProfilesFlags>(app, "profiles", "List the ways to compute and whether they work here",
                             action, declare, run);
}

}  // namespace trinity::cli
