#include "cli/eval/eval_lane.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/json.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/eval/own_process.h"
#include "hash/canonical.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"

namespace trinity::cli {
namespace {

double seconds(const Stopwatch& watch) { return watch.elapsed_ms() / 1000; }

Result<Router> load(const EvalFlags& flags, const std::string& profile, int threads,
                    bool announce) {
  flags::ModelFlags model = flags.model;
  model.profile = profile;
  model.threads = threads;
  model.announce = announce;
  return flags::load_router(model, true);
}

/// The snapshot to judge with; null when there is none.
Result<std::shared_ptr<const prove::EvalSnapshot>> snapshot_for(
    const EvalFlags& flags, const router::RuntimeProfile& profile) {
  const std::vector<std::string> names = {profile.asked_for(), profile.name};
  if (const auto path = prove::find_snapshot(flags.snapshot, std::filesystem::path("."), names)) {
    TRINITY_TRY(prove::EvalSnapshot snapshot, prove::load_snapshot(*path));
    return std::make_shared<const prove::EvalSnapshot>(std::move(snapshot));
  }
  if (!flags.cases.empty() || flags.fidelity != "reference" || flags.special) return nullptr;
  TRINITY_TRY(std::optional<prove::EvalSnapshot> own, prove::built_in_snapshot(profile.name));
  if (!own) return nullptr;
  return std::make_shared<const prove::EvalSnapshot>(std::move(*own));
}

/// Flags first; then the floors that the lane's own snapshot recorded; then the profile's.
void choose_floors(prove::LaneReport& lane, const EvalFlags& flags) {
  lane.floors = lane.profile.floors;
  lane.floors_from = "profile";
  if (lane.snapshot != nullptr && lane.snapshot->margin_floors &&
      lane.snapshot->profile == lane.profile.name) {
    lane.floors = *lane.snapshot->margin_floors;
    lane.floors_from = "snapshot";
  }
  if (flags.min_agent_margin || flags.min_role_margin) {
    lane.floors = {flags.min_agent_margin.value_or(lane.floors.agent),
                   flags.min_role_margin.value_or(lane.floors.role)};
    lane.floors_from = "flags";
  }
  if (flags.record_floors) {
    lane.floors = {0, 0};
    lane.floors_from = "being recorded";
  }
}

std::vector<std::string> ids_of(const prove::EvalCaseSet& set) {
  std::vector<std::string> ids;
  for (const prove::EvalCase& one : set.cases) ids.push_back(one.id);
  return ids;
}

Result<prove::RoutePrints> prints_of_new_process(const std::string& profile) {
  TRINITY_TRY(const std::string output, run_own_program({"--determinism-child", profile}));
  const Json list = parse_json(output).value_or(Json());
  const auto wrong = [] {
    return fail(ErrorKind::failed, "restart_failed",
                "the new process for the determinism check answered something else than routes");
  };
  if (!list.is_array()) return wrong();
  prove::RoutePrints prints;
  for (const auto& print : list) {
    if (!print.is_array() || print.size() != 3 || !print[0].is_string() ||
        !print[1].is_number_integer() || !print[2].is_number_integer())
      return wrong();
    prints.push_back({print[0].as_string(), static_cast<int>(print[1].as_int64()),
                      static_cast<int>(print[2].as_int64())});
  }
  return prints;
}

/// The steps of one lane on a progress bar: the first run, then every rung of repeats.
class Steps {
 public:
  Steps(const std::string& lane, const RungChoice& repeats)
      : total_(1U + repeats.process + repeats.restart + repeats.batch), bar_("profile " + lane) {
    bar_.update(0, total_);
  }
  void next() { bar_.update(++done_, total_); }

 private:
  std::uint64_t done_ = 0, total_;
  terminal::ProgressBar bar_;
};

/// What `repeat` compares with; `ids` and `queries` must outlive it.
Result<prove::DeterminismReport> repeat(const EvalFlags& flags, const Router& router,
                                        const router::RuntimeProfile& profile,
                                        const prove::DeterminismSubject& subject,
                                        const RungChoice& rungs, Steps& steps) {
  prove::DeterminismReport report;
  report.exactness = held_to(profile);
  if (rungs.process) {
    report.process = prove::repeat_in_process(router, subject, std::max(flags.determinism_runs, 2));
    steps.next();
  }
  if (rungs.restart) {
    TRINITY_TRY(report.restart, prove::repeat_in_new_process(subject, [&] {
                  return prints_of_new_process(profile.asked_for());
                }));
    steps.next();
  }
  if (rungs.batch) {
    TRINITY_TRY(report.batch, prove::repeat_in_other_batches(subject, [&](int threads) {
                  return load(flags, profile.asked_for(), threads, false);
                }));
  }
  return report;
}

}  // namespace

Result<prove::LaneReport> evaluate_lane(const EvalFlags& flags, const std::string& profile,
                                        std::shared_ptr<const prove::EvalCaseSet> set) {
  const Stopwatch total;
  prove::LaneReport lane;
  lane.set = std::move(set);
  lane.fidelity_mode = flags.fidelity;
  TRINITY_TRY(lane.profile, router::resolve_profile(profile));
  TRINITY_TRY(const Reading reading, reading_of(flags));
  lane.input = reading.input;
  TRINITY_TRY(lane.snapshot, snapshot_for(flags, lane.profile));
  if (flags.assert_route_hash && lane.snapshot == nullptr)
    return fail(
        ErrorKind::usage, "no_snapshot",
        fmt::format("--assert-route-hash compares with a snapshot, and there is none for {}; "
                    "name one with --snapshot",
                    lane.profile.shown_name()));
  choose_floors(lane, flags);

  Stopwatch watch;
  TRINITY_TRY(const Router router,
              load(flags, lane.profile.asked_for(), flags.model.threads, true));
  lane.router = router.info();
  lane.model = flags::describe_model(lane.router, flags.model.model);
  lane.load_seconds = seconds(watch);

  RungChoice rungs;
  if (is_judged_lane(flags, profile)) {
    TRINITY_TRY(rungs, rung_choice(flags));
  }
  Steps steps(lane.profile.shown_name(), rungs);
  watch.restart();
  const std::vector<QueryView> queries = prove::case_queries(lane.set->cases);
  std::vector<Result<Decision>> decisions =
      prove::route_in_batches(router, queries, reading.input, reading.rule, 0);
  lane.route_seconds = seconds(watch);
  steps.next();
  const std::vector<std::string> ids = ids_of(*lane.set);
  const prove::DeterminismSubject subject{ids, queries, reading.input, reading.rule,
                                          prove::route_prints(decisions)};
  lane.outcomes = prove::judge_cases(
      lane.set->cases, std::move(decisions),
      {lane.floors, lane.snapshot.get(), !flags.no_assert, flags.assert_route_hash});
  if (lane.snapshot != nullptr)
    lane.comparison =
        prove::compare_with_snapshot(lane.outcomes, *lane.snapshot, lane.profile.name);
  if (rungs.any()) {
    TRINITY_TRY(prove::DeterminismReport repeats,
                repeat(flags, router, lane.profile, subject, rungs, steps));
    lane.judge_repeats(std::move(repeats), !flags.no_assert);
  }
  lane.total_seconds = seconds(total);
  return lane;
}

Status print_route_prints(const EvalFlags& flags, const std::string& profile) {
  TRINITY_TRY(const prove::EvalCaseSet set, cases_of(flags));
  TRINITY_TRY(const Reading reading, reading_of(flags));
  TRINITY_TRY(const Router router, load(flags, profile, flags.model.threads, false));
  const std::vector<QueryView> queries = prove::case_queries(set.cases);
  const auto decisions = prove::route_in_batches(router, queries, reading.input, reading.rule, 0);
  terminal::Output output;
  Json list = Json::array();
  for (const prove::RoutePrint& print : prove::route_prints(decisions))
    list.push_back({print.hash, print.agent_id, print.role_id});
  TRINITY_CHECK(output.write(json_text(list) + "\n"));
  return output.flush();
}

Status write_lane_snapshot(const EvalFlags& flags, const prove::LaneReport& lane) {
  prove::EvalSnapshot snapshot = prove::snapshot_of(lane.outcomes);
  snapshot.profile = lane.profile.name;
  snapshot.fidelity_mode = lane.fidelity_mode;
  snapshot.producer = version_text();
  snapshot.model = lane.router.tiny_router ? "embedded tiny router"
                                           : std::filesystem::path(lane.model).filename().string();
  if (flags.record_floors)
    if (const auto worst = prove::worst_margins(lane.outcomes))
      snapshot.margin_floors = prove::floors_from(*worst);
  if (snapshot.cases.size() < lane.outcomes.size())
    terminal::warn(fmt::format("{} cases could not be routed and are not in the snapshot",
                               lane.outcomes.size() - snapshot.cases.size()));
  return terminal::write_output(snapshot_out_of(flags, lane.profile.shown_name()),
                                prove::snapshot_json(snapshot));
}

}  // namespace trinity::cli
