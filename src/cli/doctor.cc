// trinity doctor: what works on this machine, what is missing, and the command that mends it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "backend_cpu/cpu_features.h"
#include "backend_cpu/instruction_sets.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/try.h"
#include "cli/commands.h"
#include "flags/model_flags.h"
#include "hash/etf.h"
#include "prove/golden/exact_bits.h"
#include "report/render_text.h"
#include "router/profile.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct DoctorFlags {
  flags::ModelFlags model;
  bool json = false;
};

enum class Health { works, limited, broken };

struct Finding {
  std::string name;
  Health health = Health::works;
  std::string detail;
  std::string fix;  // empty when there is nothing to do
};

const char* health_name(Health health) {
  switch (health) {
    case Health::works:
      return "works";
    case Health::limited:
      return "limited";
    case Health::broken:
      return "broken";
  }
  return "";
}

Finding look_at_processor() {
  const cpu::CpuFeatures& features = cpu::cpu_features();
  std::string detail = fmt::format("{}, {} usable, kernels for {}", features.model_name,
                                   available_processors(), cpu::instruction_set_in_use());
  const auto say = [&](bool has, const char* name) {
    detail += fmt::format(", {}{}", has ? "" : "no ", name);
  };
  say(features.avx512, "AVX-512");
  say(features.avx512_bf16, "AVX512-BF16");
  say(features.avx512_vnni, "AVX512-VNNI");
  return {"processor", Health::works, detail, {}};
}

constexpr double kGib = 1024.0 * 1024 * 1024;

/// A field of /proc/meminfo in GiB; 0 when it is not there.
double memory_gib(const std::string& field) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":"))
      return std::stod(line.substr(field.size() + 1)) / (1024.0 * 1024.0);
  }
  return 0;
}

Finding look_at_memory() {
  constexpr double needed_gib = 2.5;  // prepared bf16 weights of a 0.6B model, caches, the file
  const double available = static_cast<double>(available_memory().value_or(0)) / kGib;
  Finding finding{"memory",
                  Health::works,
                  fmt::format("{:.1f} GiB available of {:.1f}", available, memory_gib("MemTotal")),
                  {}};
  if (available < needed_gib) {
    finding.health = Health::limited;
    finding.fix = fmt::format(
        "a model of Qwen3-0.6B's size needs about {} GiB: close programs; "
        "the tiny router runs anyway",
        needed_gib);
  }
  return finding;
}

/// Of transcripts and decisions, which everybody must get alike.
Finding look_at_hashes() {
  if (const Status same = hash::check_deflate(); !same)
    return {"hashes", Health::limited, same.error().message, "sudo apt-get install zlib1g"};
  return {"hashes", Health::works, "zlib compresses as the published hashes need", {}};
}

Finding look_at_profile(const router::RuntimeProfile& profile, const std::string& default_name) {
  Finding finding{"profile " + profile.name, Health::works, profile.description, {}};
  if (const auto reason = router::profile_unavailable(profile)) {
    finding.health = Health::limited;
    finding.detail = "unavailable: " + *reason;
    return finding;
  }
  const backend::LanePromise promise = promise_of(profile);
  finding.detail += fmt::format(", {}", backend::exactness_name(promise.kept));
  if (profile.name == default_name) finding.detail += " (in use)";
  if (!promise.broken.empty()) {
    finding.health = Health::limited;
    finding.detail +=
        fmt::format("; not {}: {}", backend::exactness_name(profile.exactness), promise.broken);
  }
  return finding;
}

Finding look_at_fast() {
  const Result<router::RuntimeProfile> fast = router::fast_profile();
  if (!fast) return {"profile fast", Health::limited, fast.error().message, {}};
  return {"profile fast", Health::works, "means " + fast->name + " on this machine", {}};
}

/// Whether an exact lane has the published bits here: all operations, and cases that are short
/// enough for an examination of seconds. Nothing for a lane without defined bits.
std::optional<Finding> look_at_bits(const router::RuntimeProfile& profile, bool in_use) {
  constexpr std::size_t kShortCase = 40;  // tokens
  if (profile.exactness != backend::Exactness::exact || router::profile_unavailable(profile))
    return std::nullopt;
  Finding finding{"bits of " + profile.name, Health::works, {}, {}};
  const auto compare = [&]() -> Result<prove::ExactComparison> {
    const std::vector<std::string> names = {profile.name};
    TRINITY_TRY(const prove::MatrixLanes lanes, prove::named_lanes(names, 1));
    return prove::compare_with_published(
        lanes.lanes.front(), [](std::span<const int32_t> ids) { return ids.size() <= kShortCase; });
  };
  const Result<prove::ExactComparison> compared = compare();
  finding.detail = compared ? compared->sentence() : compared.error().message;
  if (compared && compared->passed()) return finding;
  const bool parted = !compared || compared->published;
  finding.health = parted && in_use ? Health::broken : Health::limited;
  if (parted) finding.fix = "run `trinity lab golden` and report this machine with what it says";
  return finding;
}

std::vector<Message> sample_conversation() {
  std::vector<Message> messages;
  messages.push_back({"user", "Is 1009 prime? Explain how you know."});
  return messages;
}

Result<Decision> decide(const std::string& profile, int threads) {
  RouterOptions options;
  options.profile = profile;
  options.threads = threads;
  TRINITY_TRY(const Router router, Router::load(options));
  return router.route(sample_conversation());
}

/// Routes one conversation with the default profile and with the oracle, which must agree.
Finding look_at_tiny_router(const DoctorFlags& flags) {
  const Result<Decision> decision = decide(flags.model.profile, flags.model.threads);
  if (!decision) return {"tiny router", Health::broken, decision.error().message, {}};
  const Result<Decision> oracle = decide("reference", 1);
  if (!oracle) return {"tiny router", Health::broken, oracle.error().message, {}};
  if (decision->agent_id != oracle->agent_id || decision->role_id != oracle->role_id)
    return {"tiny router", Health::broken,
            fmt::format("profile {} decides otherwise than the reference", decision->profile),
            "use --profile reference and report this machine"};
  return {"tiny router",
          Health::works,
          fmt::format("decides as the reference does, profile {}, {:.1f} ms", decision->profile,
                      decision->timings_ms.total),
          {}};
}

Finding look_at_model(const DoctorFlags& flags) {
  const flags::ModelFlags& model = flags.model;
  if (model.model.empty() && model.bundle.empty() && model.vector.empty() && model.head.empty() &&
      model.tokenizer.empty())
    return {"model", Health::limited, "none named; the embedded tiny router is a demonstration",
            "trinity pull --base --dest Qwen3-0.6B; trinity pull --router --dest adapted; trinity "
            "doctor --model Qwen3-0.6B --bundle adapted"};
  const Result<Router> router = flags::load_router(flags.model, true);
  if (!router) return {"model", Health::broken, router.error().message, {}};
  const Result<Decision> decision = router->route(sample_conversation());
  if (!decision) return {"model", Health::broken, decision.error().message, {}};
  const RouterInfo& info = router->info();
  return {"model",
          Health::works,
          fmt::format(
              "{}{}: hidden size {}, {} agents, {} roles, {:.0f} MB of prepared weights, "
              "up to {:.1f} GiB of prefix cache, loaded in {:.0f} ms with profile {}",
              model.model.string(),
              info.adaptation.empty() ? "" : " adapted by the " + info.adaptation, info.hidden_size,
              info.num_agents, info.num_roles, static_cast<double>(info.weight_bytes) / 1e6,
              static_cast<double>(info.prefix_cache_bytes) / kGib, info.load_ms, info.profile),
          {}};
}

std::vector<Finding> examine(const DoctorFlags& flags) {
  const Result<router::RuntimeProfile> preferred = router::resolve_profile(flags.model.profile);
  const std::string default_name = preferred ? preferred->name : std::string();
  std::vector<Finding> findings = {
      {"program", Health::works, version_text() + ", compiler " __VERSION__, {}},
      look_at_processor(),
      look_at_memory(),
      look_at_hashes()};
  for (const router::RuntimeProfile& profile : router::runtime_profiles())
    findings.push_back(look_at_profile(profile, default_name));
  findings.push_back(look_at_fast());
  findings.push_back(look_at_tiny_router(flags));
  for (const router::RuntimeProfile& profile : router::runtime_profiles())
    if (auto finding = look_at_bits(profile, profile.name == default_name))
      findings.push_back(std::move(*finding));
  findings.push_back(look_at_model(flags));
  return findings;
}

/// Columns of the names, the longest of which are cut.
std::size_t name_columns_of(const std::vector<Finding>& findings) {
  constexpr std::size_t most = 30;
  std::size_t columns = 0;
  for (const Finding& finding : findings) columns = std::max(columns, finding.name.size());
  return std::min(columns, most);
}

/// How it all is, and what to try next.
report::Paragraph closing(const std::vector<Finding>& findings, const std::string& profile) {
  std::vector<std::string> broken;
  std::size_t limited = 0;
  for (const Finding& finding : findings) {
    if (finding.health == Health::broken) broken.push_back(finding.name);
    limited += finding.health == Health::limited ? 1 : 0;
  }
  if (!broken.empty())
    return {{{"Does not work: " + report::listed(broken, broken.size()) + ".", report::Look::bad},
             {" The lines marked ✗ say why."}}};
  return {{{"Ready: decisions come from profile " + profile + ".", report::Look::good},
           {limited == 0 ? "" : " What is marked – is not needed for that."}}};
}

report::Document document_of(const std::vector<Finding>& findings, const std::string& profile) {
  report::Checklist list{"Findings", {}, name_columns_of(findings)};
  for (const Finding& finding : findings) {
    const report::Look state = finding.health == Health::works     ? report::Look::good
                               : finding.health == Health::limited ? report::Look::warn
                                                                   : report::Look::bad;
    list.items.push_back({state, finding.name, {{finding.detail}}});
    if (!finding.fix.empty())
      list.items.back().below = {{"→ " + finding.fix, report::Look::accent}};
  }
  return {"This machine",
          {},
          {},
          {},
          {{{}, {}, {std::move(list)}}, {{}, {}, {closing(findings, profile)}}}};
}

Status print(const std::vector<Finding>& findings, const std::string& profile, bool json) {
  terminal::Output output;
  if (json) {
    Json records = Json::array();
    for (const Finding& finding : findings)
      records.push_back({{"name", finding.name},
                         {"health", health_name(finding.health)},
                         {"detail", finding.detail},
                         {"fix", finding.fix}});
    TRINITY_CHECK(output.write(wire::json_line(Json{{"findings", records}})));
  } else {
    TRINITY_CHECK(output.write(
        render_text(document_of(findings, profile), terminal::style_for(STDOUT_FILENO))));
  }
  return output.flush();
}

void declare(command_line::Command& command, DoctorFlags& flags) {
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  command.json(flags.json, "one JSON object");
  command.notes(
      "Exit status 0 when the profile in use works (and the model, if one is named), else 3.\n\n"
      "Example:\n  trinity doctor --model Qwen3-0.6B --bundle adapted");
}

Result<int> doctor(const DoctorFlags& flags) {
  TRINITY_CHECK(flags::check_model_flags(flags.model));
  if (Result<router::RuntimeProfile> profile = router::resolve_profile(flags.model.profile);
      !profile && profile.error().kind == ErrorKind::usage)
    return tl::unexpected(std::move(profile.error()));
  const Result<router::RuntimeProfile> preferred = router::resolve_profile(flags.model.profile);
  const std::vector<Finding> findings = examine(flags);
  Status verdict;
  for (const Finding& finding : findings)
    if (verdict && finding.health == Health::broken)
      verdict = fail(ErrorKind::missing, "broken", finding.name + ": " + finding.detail);
  return terminal::conclude(
      verdict, {print(findings, preferred ? preferred->name : std::string(), flags.json)});
}

}  // namespace

void add_doctor(command_line::Command& commands) {
  add_command(commands, "doctor", "Say what works on this machine and what is missing", declare,
              doctor);
}

}  // namespace trinity::cli
