// trinity lab benchmark: a router on labelled conversations, beside what needs no router.
#include <fmt/format.h>
#include <trinity/version.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "base/json.h"
#include "base/try.h"
#include "benchmark/report.h"
#include "checkout/child_process.h"
#include "flags/input_flags.h"
#include "flags/repository_root.h"
#include "laboratory/lab_commands.h"
#include "prove/eval/snapshot.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::laboratory {
namespace {

constexpr const char* kRandom = "random";
constexpr std::size_t kRandomAgents = 7;  // of a head that nobody trained
constexpr std::size_t kRandomRoles = 3;

struct BenchmarkFlags {
  flags::ModelFlags model;
  std::string suite = "all", dataset, out;
  InputOptions reading;
  std::int64_t limit = 0;
  std::optional<std::int64_t> max_turns, head_seed;
  bool json = false;

  std::int64_t turns() const { return max_turns.value_or(5); }
  bool random_head() const { return model.head == kRandom; }
};

Status check_flags(const BenchmarkFlags& flags, benchmark::BenchmarkSuite suite) {
  if (flags.head_seed && !flags.random_head())
    return fail(ErrorKind::usage, "head_seed_without_random_head",
                "--head-seed draws a random head; it needs --head random");
  if (!flags.model.head.empty() && !benchmark::needs_head(suite))
    return fail(ErrorKind::usage, "head_not_used",
                "the suite separability looks at hidden vectors alone and takes no --head");
  if (flags.max_turns && suite != benchmark::BenchmarkSuite::turn_budget &&
      suite != benchmark::BenchmarkSuite::all)
    return fail(ErrorKind::usage, "max_turns_not_used",
                "--max-turns belongs to the suites turn-budget and all");
  TRINITY_CHECK(benchmark::check_max_turns(flags.turns()));
  if (flags.dataset.empty() && !flags.model.model.empty() && benchmark::needs_head(suite))
    return fail(ErrorKind::usage, "dataset_needed",
                "the labels of the built-in data set are the tiny router's agents; name a data set "
                "for --model with --dataset FILE");
  return {};
}

Result<benchmark::BenchmarkDataset> dataset_of(const BenchmarkFlags& flags) {
  TRINITY_TRY(benchmark::BenchmarkDataset set,
              flags.dataset.empty() ? benchmark::built_in_benchmark_dataset()
                                    : benchmark::load_benchmark_dataset(flags.dataset));
  if (flags.limit > 0 && set.cases.size() > static_cast<std::size_t>(flags.limit))
    set.cases.resize(static_cast<std::size_t>(flags.limit));
  return set;
}

/// The head that decides and what to call it.
struct NamedHead {
  std::optional<route::Head> head;
  std::string name;
};

Result<NamedHead> head_of(const BenchmarkFlags& flags, benchmark::BenchmarkSuite suite,
                          const Router& router) {
  const RouterInfo& info = router.info();
  if (!benchmark::needs_head(suite)) return NamedHead{{}, "none: hidden vectors alone"};
  if (flags.random_head()) {
    const auto seed = static_cast<std::uint64_t>(flags.head_seed.value_or(0));
    TRINITY_TRY(route::Head head,
                benchmark::random_head(static_cast<std::size_t>(info.hidden_size), kRandomAgents,
                                       kRandomRoles, {seed, seed + 1, seed + 2}));
    return NamedHead{
        std::move(head),
        fmt::format(
            "random head (seed {}): nobody trained it; its accuracy says nothing about a router",
            seed)};
  }
  const HeadView own = router.head().value_or(HeadView());
  TRINITY_TRY(route::Head head,
              route::Head::from_weights(own.weights, own.num_agents + own.num_roles,
                                        own.hidden_size, static_cast<int>(own.num_roles)));
  std::string name = "head beside the model";
  if (info.tiny_router) name = "head of the embedded tiny router";
  if (!info.adaptation.empty()) name = "head of the " + info.adaptation;
  if (!flags.model.head.empty()) name = "head " + flags.model.head.string();
  return NamedHead{std::move(head), std::move(name)};
}

/// The commit of the checkout around the working directory; empty where there is none.
std::string commit_here() {
  const std::filesystem::path root = flags::repository_root();
  std::error_code ignored;
  if (!std::filesystem::exists(root / ".git", ignored)) return {};
  const auto told = checkout::run_child({"git", {"rev-parse", "--short", "HEAD"}, root, {}});
  if (!told || told->exit_status != 0) return {};
  return told->tail.substr(0, told->tail.find('\n'));
}

Result<Router> router_of(const BenchmarkFlags& flags, benchmark::BenchmarkSuite suite) {
  flags::ModelFlags model = flags.model;
  if (flags.random_head()) model.head.clear();
  return flags::load_router(model, benchmark::needs_head(suite) && !flags.random_head());
}

benchmark::BenchmarkContext context_of(const BenchmarkFlags& flags, benchmark::BenchmarkSuite suite,
                                       const benchmark::BenchmarkDataset& set,
                                       const RouterInfo& info, const NamedHead& head) {
  benchmark::BenchmarkContext context;
  context.suite = suite;
  context.generated_at = prove::timestamp_now();
  context.git_commit = commit_here();
  context.profile = info.profile;
  context.model = flags::describe_model(info, flags.model.model);
  if (!info.adaptation.empty()) context.model += " adapted by the " + info.adaptation;
  context.input_mode = input_mode_name(flags.reading.input_mode);
  context.head = head.name;
  if (flags.random_head()) {
    context.random_head = true;
    context.head_seed = flags.head_seed.value_or(0);
  }
  if (head.head) {
    context.num_agents = head.head->num_agents();
    context.num_roles = head.head->num_roles();
  }
  if (const char* target = std::getenv("XLA_TARGET")) context.xla_target = target;
  context.dataset_id = set.name;
  context.dataset_hash = set.sha256;
  context.dataset_cases = set.cases.size();
  context.ignored_labels = set.ignored_labels;
  context.dependencies = {{"trinity", TRINITY_VERSION}, {"compiler", __VERSION__}};
  return context;
}

Status write_report(const std::string& path, const Json& record) {
  const std::filesystem::path file(path);
  return terminal::write_output(file, file.extension() == ".md"
                                          ? benchmark::benchmark_markdown(record)
                                          : json_text(record, 2) + "\n");
}

Result<int> benchmark(const BenchmarkFlags& flags) {
  TRINITY_TRY(const benchmark::BenchmarkSuite suite, benchmark::parse_benchmark_suite(flags.suite));
  TRINITY_CHECK(check_flags(flags, suite));
  std::vector<terminal::NamedPath> inputs = flags::model_inputs(flags.model);
  inputs.push_back({"--dataset", flags.dataset});
  TRINITY_CHECK(terminal::check_outputs({{"--out", flags.out}}, inputs));
  TRINITY_TRY(const benchmark::BenchmarkDataset set, dataset_of(flags));
  if (set.ignored_labels > 0)
    terminal::warn(fmt::format("{} labels of {} are no whole number from 0 and count as missing",
                               set.ignored_labels, set.origin));
  TRINITY_TRY(const Router router, router_of(flags, suite));
  TRINITY_TRY(const NamedHead head, head_of(flags, suite, router));
  if (flags.random_head()) terminal::warn("using a " + head.name);
  terminal::ProgressBar bar("reading conversations");
  TRINITY_TRY(
      const benchmark::FeatureMatrix features,
      benchmark::extract_features(router, set.cases, flags.reading, terminal::shown_by(bar)));
  bar.clear();
  TRINITY_TRY(const benchmark::BenchmarkResults results,
              benchmark::run_benchmark(set.cases, features, head.head ? &*head.head : nullptr,
                                       {suite, flags.turns(), router.info().backend}));
  const benchmark::BenchmarkContext context = context_of(flags, suite, set, router.info(), head);
  TRINITY_TRY(const Json record, benchmark::benchmark_record(context, results));
  const Status printed =
      terminal::print(flags.json ? wire::json_line(record)
                                 : render_text(benchmark::benchmark_document(context, results),
                                               terminal::style_for(STDOUT_FILENO)));
  const Status filed = flags.out.empty() ? Status() : write_report(flags.out, record);
  return terminal::conclude(0, {printed, filed});
}

void declare(command_line::Command& command, BenchmarkFlags& flags) {
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  command
      .value(
          "--head", flags.model.head,
          "router head of the model (without it: the model's own); \"random\" draws one, and the "
          "report says so")
      .takes("FILE|random")
      .in("Model");
  command.value("--head-seed", flags.head_seed, "seed of the random head (without it: 0)")
      .takes("N")
      .at_least(0)
      .in("Model");
  flags::add_adaptation_flags(command, flags.model);
  flags::add_reading_flags(command, flags.reading);
  command.value("--suite", flags.suite, "separability, routing, turn-budget or all")
      .takes("NAME")
      .shows_default();
  command
      .value("--dataset", flags.dataset,
             "JSONL of {\"id\", \"family\", \"messages\", \"expected_agent\", \"expected_role\"} "
             "(without it: the built-in tasks)")
      .takes("FILE");
  command.value("--limit", flags.limit, "only the first N cases (without it: all)")
      .takes("N")
      .range(1, 1e9);
  command
      .value("--max-turns", flags.max_turns, "turns that a conversation may take (without it: 5)")
      .takes("N");
  command.value("--out", flags.out, "report to write: Markdown for *.md, otherwise JSON")
      .takes("FILE")
      .no_environment();
  command.json(flags.json, "one JSON object instead of the tables");
  command.notes(
      "Agents and roles are judged against the labels and compared with choices that need no\n"
      "router, case by case. Figures, not failures: the exit status is 0.\n\n"
      "Example:\n  trinity lab benchmark\n"
      "  trinity lab benchmark --suite routing --dataset tasks.jsonl --model Qwen3-0.6B \\\n"
      "      --bundle adapted --out report.md");
}

}  // namespace

void add_lab_benchmark(command_line::Command& lab) {
  add_command(lab, "benchmark", "How a router does on labelled conversations", declare, benchmark);
}

}  // namespace trinity::laboratory
