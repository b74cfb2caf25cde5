// trinity lab golden: the published bits of the exact lanes, compared with or written by this
// machine.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/try.h"
#include "command_line/add_command.h"
#include "laboratory/lab_commands.h"
#include "prove/golden/exact_bits.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/terminal.h"

namespace trinity::laboratory {
namespace {

struct GoldenFlags {
  std::vector<std::string> profiles;
  std::string out;
  int threads = 0;
};

/// The named lanes, else for each arithmetic the first exact lane that can run here, in the order
/// of the profiles.
Result<std::vector<prove::MatrixLane>> golden_lanes(const GoldenFlags& flags) {
  std::vector<std::string> names = flags.profiles;
  if (names.empty()) {
    std::vector<std::string> seen;
    for (const router::RuntimeProfile& profile : router::runtime_profiles()) {
      const auto arithmetic = prove::exact_arithmetic(profile.backend);
      if (profile.exactness != backend::Exactness::exact || !arithmetic ||
          router::profile_unavailable(profile) ||
          std::find(seen.begin(), seen.end(), *arithmetic) != seen.end())
        continue;
      seen.push_back(*arithmetic);
      names.push_back(profile.name);
    }
  }
  TRINITY_TRY(prove::MatrixLanes lanes, prove::named_lanes(names, flags.threads));
  for (const prove::MatrixLane& lane : lanes.lanes)
    if (!prove::exact_arithmetic(lane.backend))
      return fail(ErrorKind::usage, "lane_without_exact_bits",
                  fmt::format("profile {} is {} and has no defined bits; name ones that `trinity "
                              "profiles` calls exact",
                              lane.name, backend::exactness_name(lane.exactness)));
  if (lanes.lanes.empty())
    return fail(ErrorKind::missing, "no_exact_lane",
                "no exact profile can run here; see `trinity profiles`");
  return std::move(lanes.lanes);
}

/// The tables of this program, with those of the recorded arithmetics replaced. Lanes of one
/// arithmetic must agree.
Result<prove::PublishedBits> record(std::span<const prove::MatrixLane> lanes) {
  TRINITY_TRY(prove::PublishedBits bits, prove::empty_published_bits());
  TRINITY_TRY(const prove::PublishedBits before, prove::built_in_published_bits());
  const bool same_inputs =
      before.router_sha256 == bits.router_sha256 && before.cases_sha256 == bits.cases_sha256;
  prove::PublishedBits recorded = bits;
  for (const prove::MatrixLane& lane : lanes) {
    const std::string arithmetic = *prove::exact_arithmetic(lane.backend);
    TRINITY_TRY(prove::ExactBits here, prove::record_exact_bits(lane));
    if (recorded.arithmetic.contains(arithmetic)) {
      const prove::ExactComparison comparison =
          prove::compare_exact_bits(lane.name, arithmetic, here, recorded, bits);
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

Result<int> write(const GoldenFlags& flags, std::span<const prove::MatrixLane> lanes) {
  TRINITY_TRY(const prove::PublishedBits bits, record(lanes));
  TRINITY_CHECK(terminal::write_output(flags.out, prove::published_bits_text(bits)));
  for (const auto& [name, table] : bits.arithmetic)
    terminal::note(fmt::format("{}: {} operations and {} cases in {}", name, table.ops.size(),
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
  TRINITY_CHECK(terminal::check_outputs({{"--out", flags.out}}, {}));
  TRINITY_TRY(const std::vector<prove::MatrixLane> lanes, golden_lanes(flags));
  if (!flags.out.empty()) return write(flags, lanes);
  report::Findings found;
  std::string parted;
  for (const prove::MatrixLane& lane : lanes) {
    TRINITY_TRY(const prove::ExactComparison comparison, prove::compare_with_published(lane));
    found.items.push_back(
        {{lane.name},
         {comparison.sentence(), comparison.passed() ? report::Look::good : report::Look::bad}});
    if (!comparison.passed()) parted += (parted.empty() ? "" : ", ") + lane.name;
  }
  const report::Section section{{}, {}, {std::move(found)}};
  return terminal::conclude(
      verdict(parted), {terminal::print(render_text(section, terminal::style_for(STDOUT_FILENO)))});
}

void declare(command_line::Command& command, GoldenFlags& flags) {
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

void add_lab_golden(command_line::Command& lab) {
  add_command(lab, "golden", "Compare the bits of the exact profiles with the published", declare,
              golden);
}

}  // namespace trinity::laboratory
