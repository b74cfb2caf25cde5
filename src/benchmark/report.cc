#include "benchmark/report.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "base/try.h"
#include "hash/canonical.h"

namespace trinity::benchmark {
namespace {

constexpr int kSchemaVersion = 1;

std::string platform() {
  utsname system{};
  if (::uname(&system) != 0) return "unknown";
  return fmt::format("{} {} {}", system.sysname, system.release, system.machine);
}

Json head_options(const BenchmarkContext& context) {
  if (!needs_head(context.suite)) return nullptr;
  return {{"random", context.random_head},
          {"seed", context.head_seed ? Json(*context.head_seed) : Json(nullptr)},
          {"num_agents", context.num_agents},
          {"num_roles", context.num_roles}};
}

Json payload_of(const BenchmarkResults& results) {
  Json payload = Json::object();
  if (results.separability) payload["separability"] = separability_record(*results.separability);
  if (results.routing) {
    payload["routing"] = routing_record(*results.routing);
    payload["routing"]["baselines"] = baselines_record(results.baselines);
  }
  if (results.turn_budget) payload["turn_budget"] = turn_budget_record(*results.turn_budget);
  return payload;
}

std::string heading(const char* title, const std::string& text) {
  return fmt::format("## {}\n\n{}\n\n", title, text);
}

}  // namespace

Result<Json> benchmark_record(const BenchmarkContext& context, const BenchmarkResults& results) {
  TRINITY_TRY(const std::string count_hash, hash::dataset_count_hash(context.dataset_cases));
  Json dependencies = Json::object();
  for (const auto& [name, version] : context.dependencies) dependencies[name] = version;
  return Json{{"schema_version", kSchemaVersion},
              {"suite", benchmark_suite_name(context.suite)},
              {"generated_at", context.generated_at},
              {"git_commit", context.git_commit.empty() ? "unknown" : context.git_commit},
              {"profile", context.profile},
              {"model", context.model},
              {"input_mode", context.input_mode},
              {"head", context.head},
              {"head_opts", head_options(context)},
              {"xla_target", context.xla_target.empty() ? Json(nullptr) : Json(context.xla_target)},
              {"dataset_id", context.dataset_id},
              {"dataset_hash", context.dataset_hash},
              {"dataset_count_hash", count_hash},
              {"dataset_cases", context.dataset_cases},
              {"ignored_labels", context.ignored_labels},
              {"platform", platform()},
              {"dependencies", std::move(dependencies)},
              {"payload", payload_of(results)}};
}

std::string benchmark_markdown(const Json& record) {
  const auto text = [&](const char* key) {
    return record[key].is_string() ? record[key].as_string() : std::string("(unset)");
  };
  Json summary = record["payload"];
  if (summary.contains("routing")) summary["routing"].erase("predictions");
  if (summary.contains("turn_budget")) summary["turn_budget"].erase("cases");
  return "# TRINITY Benchmark\n\n" + heading("Generated", text("generated_at")) +
         heading("Suite", text("suite")) + heading("Profile", text("profile")) +
         heading("Model", text("model")) + heading("Head", text("head")) +
         heading("XLA Target", text("xla_target")) +
         heading("Data set",
                 fmt::format("{}, {} cases, SHA-256 `{}`", text("dataset_id"),
                             record["dataset_cases"].as_uint64(), text("dataset_hash"))) +
         "## Summary\n\n```json\n" + json_text(summary, 2) + "\n```\n";
}

}  // namespace trinity::benchmark
