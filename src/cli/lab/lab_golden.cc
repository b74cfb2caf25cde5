// trinity lab golden: the published bits of the exact lanes, compared with or written by this
// machine.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/lab/lab_commands.h"
#include "prove/golden/exact_bits.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/terminal.h"

namespace trinity::cli {
namespace {

struct GoldenFlags {
  std::vector<std::string> profiles;
  std::string out;
  int threads = 0;
};

/// The named lanes, else for each arithmetic the first exact lane that can run here, in the order
/// of the profiles.
Result<std::vector<MatrixLane>> golden_lanes(const GoldenFlags& flags) {
  std::vector<std::string> names = flags.profiles;
  if (names.empty()) {
    std::vector<std::string> seen;
    for (const RuntimeProfile& profile : runtime_profiles()) {
      const auto arithmetic = exact_arithmetic(profile.backend);
      if (profile.exactness != Exactness::exact || !arithmetic || profile_unavailable(profile) ||
          std::find(seen.begin(), seen.end(), *arithmetic) != seen.end())
        continue;
      seen.push_back(*arithmetic);
      names.push_back(profile.name);
    }
  }
  TRINITY_TRY(MatrixLanes lanes, named_lanes(names, flags.threads));
  for (const MatrixLane& lane : lanes.lanes)
    if (!exact_arithmetic(lane.backend))
      return fail(ErrorKind::usage, "lane_without_exact_bits",
                  fmt::format("profile {} is {} and has no defined bits; name ones that `trinity "
                              "profiles` calls exact",
                              lane.name, exactness_name(lane.exactness)));
  if (lanes.lanes.empty())
    return fail(ErrorKind::missing, "no_exact_lane",
                "no exact profile can run here; see `trinity profiles`");
  return std::move(lanes.lanes);
}

/// The tables of this program, with those of the recorded arithmetics replaced. Lanes of one
/// arithmetic must agree.
Result<PublishedBits> record(std::span<const MatrixLane> lanes) {
  TRINITY_TRY(PublishedBits bits, empty_published_bits());
  TRINITY_TRY(const PublishedBits before, built_in_published_bits());
  const bool same_inputs =
      before.router_sha256 == bits.router_sha256 && before.cases_sha256 == bits.cases_sha256;
  PublishedBits recorded = bits;
  for (const MatrixLane& lane : lanes) {
    const std::string arithmetic = *exact_arithmetic(lane.backend);
    TRINITY_TRY(ExactBits here, record_exact_bits(lane));
    if (recorded.arithmetic.contains(arithmetic)) {
      const ExactComparison comparison =
          compare_exact_bits(lane.name, arithmetic, here, recorded, bits);
      if (!comparison.passed())
        return fail(
            ErrorKind::failed, "lanes_disagree",
            fmt::format("profile {} does not have the bits of the profile before it, so nothing "
                        "was written: {}",
                        lane.name, comparison.sentence()));
      continue;
    }
    recorded.arithmetic[arithmetic] = std::move(here);
  }
  if (same_inputs)  // what no lane of this run computes stays published
    recorded.arithmetic.insert(before.arithmetic.begin(), before.arithmetic.end());
  return recorded;
}

Result<int> write(const GoldenFlags& flags, std::span<const MatrixLane> lanes) {
  TRINITY_TRY(const PublishedBits bits, record(lanes));
  TRINITY_CHECK(write_output(flags.out, published_bits_text(bits)));
  for (const auto& [name, table] : bits.arithmetic)
    note(fmt::format("{}: {} operations and {} cases in {}", name, table.ops.size(),
                     table.cases.size(), flags.out));
  return 0;
}

Status verdict(const std::string& parted) {
  if (parted.empty()) return {};
  return fail(ErrorKind::invalid_input, "bits_not_published",
              fmt::format("the bits of {} are not the published ones; the line above says where "
                          "they part first",
                          parted));
}

Result<int> golden(const GoldenFlags& flags) {
  TRINITY_CHECK(check_outputs({{"--out", flags.out}}, {}));
  TRINITY_TRY(const std::vector<MatrixLane> lanes, golden_lanes(flags));
  if (!flags.out.empty()) return write(flags, lanes);
  report::Findings found;
  std::string parted;
  for (const MatrixLane& lane : lanes) {
    TRINITY_TRY(const ExactComparison comparison, compare_with_published(lane));
    found.items.push_back(
        {{lane.name}, {comparison.sentence(), comparison.passed() ? Look::good : Look::bad}});
    if (!comparison.passed()) parted += (parted.empty() ? "" : ", ") + lane.name;
  }
  const report::Section section{{}, {}, {std::move(found)}};
  return conclude(verdict(parted), {print(render_text(section, style_for(STDOUT_FILENO)))});
}

void declare(Command& command, GoldenFlags& flags) {
  command
      .value("--profiles", flags.profiles,
             "exact profiles (without it: the first of each arithmetic that can run here)")
      .takes("NAME,NAME…")
      .commas();
  command.value("--threads", flags.threads, "threads to compute with (0: all processors)")
      .takes("N")
      .range(0, 1024);
  command
      .value("--out", flags.out,
             "write the bits of this machine instead, for maintainers: the next build publishes "
             "lab/golden/exact_bits.json")
      .takes("FILE")
      .no_environment();
  command.notes(
      "Computes every operation on generated inputs and the built-in cases with the tiny router,\n"
      "and says whether the bits are the published ones, which are the same for every machine.\n"
      "Exit status 1 when they are not.\n\n"
      "Example:\n  trinity lab golden\n  trinity lab golden --out lab/golden/exact_bits.json");
}

}  // namespace

void add_lab_golden(Command& lab) {
  add_command(lab, "golden", "Compare the bits of the exact profiles with the published", declare,
              golden);
}

}  // namespace trinity::cli
