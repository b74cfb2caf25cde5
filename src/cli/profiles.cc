// trinity profiles: the lanes of this program and whether they can run here.
#include <fmt/format.h>
#include <unistd.h>

#include "base/json_value.h"
#include "base/try.h"
#include "cli/commands.h"
#include "report/render_text.h"
#include "router/profile.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct ProfilesFlags {
  std::string name;
  bool json = false;
};

/// Empty when nothing can run.
std::string default_name() {
  const Result<router::RuntimeProfile> profile = router::resolve_profile("");
  return profile ? profile->name : std::string();
}

std::string fast_name() {
  const Result<router::RuntimeProfile> profile = router::fast_profile();
  return profile ? profile->name : std::string();
}

/// "(default, fast)": what else a profile is called on this machine.
std::string marks_of(const router::RuntimeProfile& profile) {
  std::string marks = profile.asked_for() == default_name() ? "default" : "";
  if (profile.asked_for() == fast_name()) marks += marks.empty() ? "fast" : ", fast";
  return marks.empty() ? marks : "(" + marks + ")";
}

constexpr router::Capability kCapabilities[] = {
    router::Capability::qwen_runtime, router::Capability::export_svd, router::Capability::large_svd,
    router::Capability::artifact_runtime};

Json capabilities_of(const router::RuntimeProfile& profile) {
  Json record = {{"require_cuda", profile.capabilities.require_cuda}};
  for (const router::Capability capability : kCapabilities)
    record[capability_name(capability)] = router::has_capability(profile, capability);
  return record;
}

Json record_of(const router::RuntimeProfile& profile) {
  const auto reason = router::profile_unavailable(profile);
  const backend::LanePromise promise = promise_of(profile);
  Json record = {
      {"name", profile.name},
      {"requested", profile.asked_for()},
      {"backend", profile.backend},
      {"description", profile.description},
      {"available", !reason.has_value()},
      {"reason", nullptr},
      {"default", profile.name == default_name()},
      {"fast", profile.name == fast_name()},
      {"exactness", backend::exactness_name(promise.kept)},
      {"claims", backend::exactness_name(profile.exactness)},
      {"broken_promise", nullptr},
      {"margin_floors", {{"agent", profile.floors.agent}, {"role", profile.floors.role}}},
      {"aliases", profile.aliases},
      {"capabilities", capabilities_of(profile)},
      {"default_slm_profile", profile.default_slm_profile},
      {"notes", profile.notes},
      {"warnings", profile.warnings}};
  if (reason) record["reason"] = *reason;
  if (!promise.broken.empty()) record["broken_promise"] = promise.broken;
  return record;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

report::Checklist::Item item_of(const router::RuntimeProfile& profile) {
  const auto reason = router::profile_unavailable(profile);
  const backend::LanePromise promise = promise_of(profile);
  report::Checklist::Item item{reason ? report::Look::warn : report::Look::good,
                               profile.asked_for()};
  if (const std::string marks = marks_of(profile); !marks.empty())
    item.said = {{marks, report::Look::good}};
  const auto detail = [&](std::string text, report::Look look = report::Look::plain) {
    item.below.push_back({std::move(text), look});
  };
  detail(profile.description);
  if (!profile.requested.empty())
    detail(fmt::format("runs as {} on backend {}", profile.name, profile.backend));
  if (!profile.warnings.empty()) detail(joined(profile.warnings), report::Look::warn);
  if (reason) detail("unavailable: " + *reason, report::Look::warn);
  if (!promise.broken.empty())
    detail(
        fmt::format("not {} here: {}", backend::exactness_name(profile.exactness), promise.broken),
        report::Look::warn);
  std::string facts = fmt::format("{}, floors {} / {}", backend::exactness_name(promise.kept),
                                  profile.floors.agent, profile.floors.role);
  if (!profile.aliases.empty()) facts += fmt::format(", also named {}", joined(profile.aliases));
  detail(std::move(facts));
  std::vector<std::string> lacks;
  for (const router::Capability capability : kCapabilities)
    if (!router::has_capability(profile, capability))
      lacks.emplace_back(router::capability_name(capability));
  if (!lacks.empty()) detail("not for " + joined(lacks));
  if (!profile.notes.empty()) detail(joined(profile.notes));
  return item;
}

/// The profiles, and what their floors are for.
report::Document document_of(const std::vector<router::RuntimeProfile>& profiles) {
  report::Checklist list{"Profiles", {}, 0};
  for (const router::RuntimeProfile& profile : profiles) list.items.push_back(item_of(profile));
  report::Paragraph floors{{{"Floors are the smallest margins (agent / role) that an evaluation of "
                             "Qwen3-0.6B with its published router tolerates; a decision "
                             "under twice its floor is a close call. Another model has floors of "
                             "its own: measure them with"},
                            {" trinity eval --record-floors", report::Look::strong},
                            {"."}}};
  return {"Profiles", {}, {}, {}, {{{}, {}, {std::move(list)}}, {{}, {}, {std::move(floors)}}}};
}

Status print(const ProfilesFlags& flags) {
  terminal::Output output;
  std::vector<router::RuntimeProfile> listed = router::runtime_profiles();
  if (!flags.name.empty()) {
    TRINITY_TRY(router::RuntimeProfile profile, router::find_profile(flags.name));
    listed = {std::move(profile)};
  }
  if (flags.json) {
    Json records = Json::array();
    for (const router::RuntimeProfile& profile : listed) records.push_back(record_of(profile));
    TRINITY_CHECK(output.write(wire::json_line(Json{{"profiles", records}})));
  } else {
    TRINITY_CHECK(
        output.write(render_text(document_of(listed), terminal::style_for(STDOUT_FILENO))));
  }
  return output.flush();
}

void declare_profiles(command_line::Command& command, ProfilesFlags& flags) {
  command.word("profile", flags.name, "one profile or alias to show (without it: all)");
  command.json(flags.json, "one JSON object");
  command.notes(
      "A profile never changes what is computed, only how. The floors are the smallest margins\n"
      "(agent / role) that a profile tolerates in an evaluation. A name of another system runs the "
      "profile\n"
      "it is listed at, with the floors and capabilities that the name has there: `trinity "
      "profiles\n"
      "NAME` shows them. fast means the fastest profile of this machine, custom:BACKEND runs any "
      "backend\n"
      "of `trinity backends`.\n\n"
      "Example:\n  trinity profiles\n  trinity route --profile cpu_f32 \"Hi\"");
}

}  // namespace

void add_profiles(command_line::Command& commands) {
  add_command(commands, "profiles", "List the ways to compute and whether they work here",
              declare_profiles, print);
}

}  // namespace trinity::cli
