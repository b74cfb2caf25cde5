// trinity parity: adapted weights compared with another implementation, stage by stage.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "backend/backend_label.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "base/utf8.h"
#include "flags/f32_lane.h"
#include "interchange/parity/chunks.h"
#include "interchange/parity/compare.h"
#include "interchange/parity/sample.h"
#include "laboratory/lab_commands.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "wire/json_writer.h"

namespace trinity::laboratory {
namespace {

namespace fs = std::filesystem;

/// Pretty JSON with a line feed at the end.
Status write_report(const fs::path& path, const Json& report) {
  return terminal::write_output(path, json_text(report, 2) + "\n");
}

/// The places of `sample` and `chunks`, before their work. The stages of the other side lie where
/// the components do, so ours must not.
Status check_places(const std::string& out, const char* default_out, const std::string& stage_dir,
                    std::vector<terminal::NamedPath> inputs) {
  if (out == default_out) terminal::make_default_folder(out);
  TRINITY_CHECK(terminal::check_outputs({{"--out", out}}, inputs));
  return terminal::check_output_folder({"--stage-dir", stage_dir}, inputs,
                                       [](const fs::path& /*name*/) { return false; });
}

/// Lines of progress on standard output until its reader leaves; the work goes on without one.
class Lines {
 public:
  void say(const std::string& line) {
    if (told_) told_ = output_.write(excerpt(line, 4096) + "\n");
    if (told_) told_ = output_.flush();
  }
  const Status& told() const { return told_; }

 private:
  terminal::Output output_;
  Status told_;
};

struct PathFlags {
  command_line::Flag components, python_report;
};

PathFlags add_path_flags(command_line::Command& command, std::string& components,
                         std::string& python_report, std::string& stage_dir) {
  const PathFlags paths = {
      command
          .value("--components-dir", components,
                 "debug bundle of the Python side: components, offsets, stages, manifest")
          .takes("DIR"),
      command.value("--python-report", python_report, "parity report of the Python side")
          .takes("FILE")};
  command.value("--stage-dir", stage_dir, "folder to write our stage tensors to")
      .takes("DIR")
      .no_environment();
  return paths;
}

// ---- sample -------------------------------------------------------------------------------------

constexpr const char* kSampleOut = "tmp/sakana_parity/elixir_sample_trace.json";

struct SampleFlags {
  std::string out = kSampleOut;
  std::string components, python_report, stage_dir, router_vector, tensor_name, reference, model,
      filter;
  flags::F32LaneFlags lane;
  bool no_cuda = false, semantic_only = false, skip_native_svd = false, host_only = false,
       device_only = false, preferred_layout_only = false, source_from_stage = false,
       all_selected = false, json = false;
};

interchange::ParitySampleOptions options_of(const SampleFlags& flags) {
  interchange::ParitySampleOptions options;
  options.paths = {flags.components, flags.python_report, flags.reference};
  options.router_vector = flags.router_vector;
  options.vector_tensor = flags.tensor_name;
  options.model = flags.model;
  options.stage_dir = flags.stage_dir;
  options.native_svd = !flags.semantic_only && !flags.skip_native_svd;
  options.preferred_layout_only = flags.preferred_layout_only;
  options.source_from_python_stage = flags.source_from_stage;
  options.all_selected_tensors = flags.all_selected;
  options.selected_source_filter = flags.filter;
  return options;
}

bool on_host(const backend::Backend& backend) {
  const auto place = backend::read_backend_label(backend.info().label);
  return !place || place->device.empty() || place->device == "host";
}

struct Lanes {
  std::optional<flags::F32Lane> host, device;
  std::vector<interchange::ParityTarget> targets;
};

/// The host always computes with a host lane; the profile adds a device when it is on one.
Result<Lanes> open_lanes(const SampleFlags& flags) {
  if (flags.host_only && flags.device_only)
    return fail(ErrorKind::usage, "no_semantic_targets",
                "--host-semantic-only and --device-semantic-only exclude everything; give one");
  Lanes lanes;
  flags::F32LaneFlags chosen = flags.lane;
  if (flags.no_cuda) chosen.profile.clear();
  TRINITY_TRY(flags::F32Lane lane, flags::open_f32_lane(chosen));
  if (on_host(*lane.backend)) {
    lanes.host.emplace(std::move(lane));
  } else {
    lanes.device.emplace(std::move(lane));
    if (!flags.device_only) {
      TRINITY_TRY(flags::F32Lane host, flags::open_f32_lane({"", flags.lane.threads}));
      lanes.host.emplace(std::move(host));
    }
  }
  if (flags.device_only && !lanes.device)
    return fail(ErrorKind::missing, "no_accelerator",
                "--device-semantic-only needs a profile that runs on an accelerator; choose one "
                "with --profile (see trinity profiles)");
  if (lanes.host && !flags.device_only)
    lanes.targets.push_back({interchange::kHostTarget, lanes.host->backend.get()});
  if (lanes.device && !flags.host_only)
    lanes.targets.push_back({interchange::device_target_name(lanes.device->backend->info().label),
                             lanes.device->backend.get()});
  return lanes;
}

Result<int> sample(const SampleFlags& flags) {
  TRINITY_CHECK(check_places(flags.out, kSampleOut, flags.stage_dir,
                             {{"--components-dir", flags.components},
                              {"--python-report", flags.python_report},
                              {"--router-vector", flags.router_vector},
                              {"--reference", flags.reference},
                              {"--model", flags.model}}));
  TRINITY_TRY(const Lanes lanes, open_lanes(flags));
  Lines lines;
  TRINITY_TRY(const Json report, interchange::parity_sample(lanes.targets, options_of(flags),
                                                            [&](const std::string& line) {
                                                              if (!flags.json) lines.say(line);
                                                            }));
  const Status filed = write_report(flags.out, report);
  Status printed = lines.told();
  if (flags.json)
    printed = terminal::print(wire::json_line(report));
  else if (filed && printed)
    printed =
        terminal::print(fmt::format("Wrote Elixir parity report: {}\n", printable(flags.out)));
  return terminal::conclude(0, {printed, filed});
}

void declare_sample(command_line::Command& command, SampleFlags& flags) {
  command.value("--out", flags.out, "report to write")
      .takes("FILE")
      .shows_default()
      .no_environment();
  add_path_flags(command, flags.components, flags.python_report, flags.stage_dir);
  command.value("--router-vector", flags.router_vector, "router vector, .npy or safetensors")
      .takes("FILE")
      .required();
  command.value("--tensor-name", flags.tensor_name, "the vector's tensor in safetensors")
      .takes("NAME");
  command
      .value("--reference", flags.reference,
             "reference manifest: the sample tensor and its expected hash")
      .takes("FILE");
  command.value("--model", flags.model, "base model with the source weights").takes("DIR");
  command.toggle("--source-from-python-stage", flags.source_from_stage,
                 "take the source weights from the Python stages");
  command.toggle("--all-selected-tensors", flags.all_selected,
                 "every tensor of the debug bundle instead of the sample");
  command
      .value("--selected-source-filter", flags.filter, "with it: only tensors with this in a name")
      .takes("TEXT")
      .used_when([&flags] { return flags.all_selected; }, "needs --all-selected-tensors");
  command.toggle("--semantic-only", flags.semantic_only,
                 "only the Python components, no decomposition of our own");
  command.toggle("--skip-native-svd", flags.skip_native_svd, "the same").hidden();
  command.toggle("--host-semantic-only", flags.host_only, "compare on the host only");
  command.toggle("--device-semantic-only", flags.device_only,
                 "compare on the profile's device only");
  command.toggle("--preferred-layout-only", flags.preferred_layout_only,
                 "only the layout of V that the debug bundle states");
  command.toggle("--no-cuda", flags.no_cuda, "compute on the host whatever the profile");
  flags::add_f32_lane_flags(command, flags.lane);
  command.json(flags.json, "the report as one JSON object instead of lines");
  command.notes(
      "Writes a report and never fails on differences: judge it with trinity parity check.\n"
      "Known elsewhere as trinity.sakana.parity_sample.\n\n"
      "Example:\n  trinity parity sample --components-dir components --python-report report.json "
      "\\\n"
      "      --router-vector vector.npy --model Qwen3-0.6B --out ours.json");
}

// ---- chunks -------------------------------------------------------------------------------------

constexpr const char* kChunksOut =
    "tmp/sakana_parity/large_tensor_chunks/elixir_large_tensor_chunks.json";

struct ChunkFlags {
  std::string out = kChunksOut;
  std::string components, python_report, stage_dir;
  std::int64_t chunk_rows = 1024;
  std::vector<std::string> sources;
  flags::F32LaneFlags lane;
  bool no_cuda = false, json = false;
};

Status verdict(const interchange::ParityChunkReport& result) {
  if (result.failed_required == 0) return {};
  return fail(ErrorKind::invalid_input, "large_tensor_chunk_parity_failed",
              fmt::format("{} of {} required checks failed; the report says which",
                          result.failed_required, result.required_checks));
}

Result<int> chunks(const ChunkFlags& flags) {
  TRINITY_CHECK(check_places(
      flags.out, kChunksOut, flags.stage_dir,
      {{"--components-dir", flags.components}, {"--python-report", flags.python_report}}));
  flags::F32LaneFlags chosen = flags.lane;
  if (flags.no_cuda) chosen.profile.clear();
  TRINITY_TRY(const flags::F32Lane lane, flags::open_f32_lane(chosen));
  interchange::ParityChunkOptions options;
  options.paths = {flags.components, flags.python_report, {}};
  options.stage_dir = flags.stage_dir;
  options.chunk_rows = flags.chunk_rows;
  options.sources = flags.sources;
  Lines lines;
  TRINITY_TRY(const interchange::ParityChunkReport result,
              interchange::parity_chunks(*lane.backend, options, [&](const std::string& line) {
                if (!flags.json) lines.say(line);
              }));
  Status printed = lines.told();
  if (flags.json)
    printed = terminal::print(wire::json_line(result.report));
  else if (printed)
    printed = terminal::print(
        fmt::format("large_tensor_chunks={} sources={} required_checks={} failed_required={} "
                    "functional_parity={}\n",
                    result.chunks, result.sources.size(), result.required_checks,
                    result.failed_required, result.failed_required == 0));
  const Status filed = write_report(flags.out, result.report);
  if (!flags.json && filed && printed)
    printed =
        terminal::print(fmt::format("Wrote large-tensor chunk report: {}\n", printable(flags.out)));
  return terminal::conclude(verdict(result), {printed, filed});
}

void declare_chunks(command_line::Command& command, ChunkFlags& flags) {
  command.value("--out", flags.out, "report to write")
      .takes("FILE")
      .shows_default()
      .no_environment();
  PathFlags paths = add_path_flags(command, flags.components, flags.python_report, flags.stage_dir);
  paths.components.required();
  paths.python_report.required();
  command.value("--chunk-rows", flags.chunk_rows, "rows of a chunk")
      .takes("N")
      .at_least(1)
      .shows_default();
  command
      .value("--source", flags.sources,
             "PyTorch name of a tensor, repeatable; default: embedding and LM head")
      .takes("NAME");
  command.toggle("--no-cuda", flags.no_cuda, "compute on the host whatever the profile");
  flags::add_f32_lane_flags(command, flags.lane);
  command.json(flags.json, "the report as one JSON object instead of lines");
  command.notes(
      "The base weights are those that the Python side recorded. Known elsewhere as\n"
      "trinity.sakana.large_tensor_chunks.\n\n"
      "Example:\n  trinity parity chunks --components-dir components --python-report report.json");
}

// ---- check --------------------------------------------------------------------------------------

struct CheckFlags {
  std::string python_report, our_report, summary_out, python;
  bool strict_stages = true, strict_current = false, strict_reference = false, json = false;
  std::int64_t top_diffs = 5;
};

Status verdict(const interchange::CompareResult& result, int exit_status) {
  if (exit_status == 0) return {};
  return fail(
      ErrorKind::invalid_input, "parity_comparator_failed",
      fmt::format("parity comparator failed (exit {}): {}", exit_status, result.failures.front()));
}

Result<int> check(const CheckFlags& flags) {
  TRINITY_CHECK(terminal::check_outputs(
      {{"--summary-out", flags.summary_out}},
      {{"--python-report", flags.python_report}, {"--our-report", flags.our_report}}));
  interchange::CompareOptions options;
  options.python_report = flags.python_report;
  options.our_report = flags.our_report;
  options.strict_stage_tolerances = flags.strict_stages;
  options.strict_current_python = flags.strict_current;
  options.strict_reference = flags.strict_reference;
  options.top_diffs = flags.top_diffs;
  const Stopwatch watch;
  TRINITY_TRY(const interchange::CompareResult result,
              interchange::compare_parity_reports(options));
  const int exit_status = result.failures.empty() ? 0 : 1;
  const Json summary =
      interchange::compare_summary(options, result, exit_status, watch.elapsed_ms());
  const Status printed = terminal::print(flags.json ? wire::json_line(summary) : result.text);
  Status filed;
  if (!flags.summary_out.empty()) filed = write_report(flags.summary_out, summary);
  return terminal::conclude(verdict(result, exit_status), {printed, filed});
}

void declare_check(command_line::Command& command, CheckFlags& flags) {
  command.value("--python-report", flags.python_report, "parity report of the Python side")
      .takes("FILE")
      .required();
  command
      .value("--our-report,--elixir-report", flags.our_report,
             "report of trinity parity sample or chunks")
      .takes("FILE")
      .required();
  command.toggle("--strict-stage-tolerances", "--no-strict-stage-tolerances", flags.strict_stages,
                 "fail when a required stage is out of tolerance or none was compared (default)");
  command.toggle("--strict-current-python", flags.strict_current,
                 "fail unless one of our hashes is the current Python baseline");
  command.toggle("--strict-reference", flags.strict_reference,
                 "fail unless both sides have the stored reference hash");
  command.value("--top-diffs", flags.top_diffs, "largest differences to show of a stage")
      .takes("N")
      .at_least(0)
      .shows_default();
  command.value("--summary-out", flags.summary_out, "JSON record of the comparison")
      .takes("FILE")
      .no_environment();
  command.value("--python", flags.python, "accepted, without effect: the comparator is built in")
      .hidden();
  command.json(flags.json, "the summary as one JSON object instead of lines");
  command.notes(
      "Known elsewhere as trinity.parity.check.\n\n"
      "Example:\n  trinity parity check --python-report report.json --our-report ours.json");
}

}  // namespace

void add_parity(command_line::Command& commands) {
  commands.add("parity", "Find where adapted weights part from those of the Python implementation",
               [](command_line::Command& parity) {
                 parity.notes(
                     "Example:\n  trinity parity sample --help\n  trinity parity chunks --help\n"
                     "  trinity parity check --python-report report.json --our-report ours.json");
                 add_command(parity, "sample", "Compute a parity report from Python components",
                             declare_sample, sample);
                 add_command(parity, "chunks", "The same for very tall tensors, in chunks of rows",
                             declare_chunks, chunks);
                 add_command(parity, "check", "Judge two parity reports", declare_check, check);
               });
}

}  // namespace trinity::laboratory
