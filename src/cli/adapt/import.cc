// trinity import: U, S, V and offsets of the Python lane → adapted bundle.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "base/printable.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/export_folder.h"
#include "cli/adapt/bundle_events.h"
#include "cli/commands.h"
#include "flags/f32_lane.h"
#include "flags/repository_root.h"
#include "interchange/python_import.h"
#include "model/config.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct ImportFlags {
  std::string source_dir, out, manifest = interchange::kPythonManifestFile, reference, model,
                               head_shape, base_repo;
  flags::F32LaneFlags lane;
  bool no_load_model = false, force = false, resume = false, json = false;
};

/// "10x1024" → {10, 1024}; both at least one.
Result<std::vector<int64_t>> parse_shape(const std::string& text) {
  std::vector<int64_t> shape = {0, 0};
  const char* const end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, shape[0]);
  if (rows.ec == std::errc() && rows.ptr != end && *rows.ptr == 'x') {
    const auto columns = std::from_chars(rows.ptr + 1, end, shape[1]);
    if (columns.ec == std::errc() && columns.ptr == end && shape[0] > 0 && shape[1] > 0)
      return shape;
  }
  return fail(ErrorKind::usage, "usage",
              fmt::format("--head-shape is OUTPUTSxHIDDEN, for example 10x1024, not \"{}\"", text));
}

Result<interchange::ImportOptions> options_of(const ImportFlags& flags,
                                              const router::RuntimeProfile& profile) {
  interchange::ImportOptions options;
  options.source = flags.source_dir;
  options.manifest_name = flags.manifest;
  options.reference = flags.reference;
  options.out = flags.out;
  options.force = flags.force;
  options.resume = flags.resume && !flags.force;
  options.profile = profile.asked_for();
  options.producer = version_text();
  options.base_model_repo = flags.base_repo;
  options.root = flags::repository_root();
  if (!flags.no_load_model) {
    if (flags.model.empty())
      return fail(ErrorKind::usage, "missing_model",
                  "name the base model with --model, so that its types and shapes are met; or "
                  "import without one with --no-load-model");
    options.model = flags.model;
    TRINITY_TRY(const model::ModelConfig config, model::load_model_config(flags.model));
    options.head_shape = {0, config.hidden_size};
  }
  if (!flags.head_shape.empty()) {
    TRINITY_TRY(options.head_shape, parse_shape(flags.head_shape));
  }
  return options;
}

Json report_record(const ImportFlags& flags, const bundle::BundleReport& report) {
  const bundle::Manifest& m = report.manifest;
  int64_t verified = 0;
  for (const bundle::ManifestTensor& t : m.tensors)
    verified += t.imported.target_verified.value_or(false) ? 1 : 0;
  return {{"event", "python_import_report"},
          {"status", m.progress.status},
          {"out", flags.out},
          {"tensors", m.tensors.size()},
          {"imported", report.written},
          {"skipped", report.kept},
          {"target_verified", verified},
          {"singular_values", m.selected_singular_value_count},
          {"router_head_shape", m.head.shape},
          {"router_head_sha256", m.head.sha256.value_or("")},
          {"source_vector_sha256", m.vector.sha256},
          {"seconds", report.total_ms / 1000}};
}

Result<int> import(const ImportFlags& flags) {
  TRINITY_CHECK(terminal::check_output_folder({"--out", flags.out},
                                              {{"--source-dir", flags.source_dir},
                                               {"--reference", flags.reference},
                                               {"--model", flags.model}},
                                              bundle::is_bundle_file));
  TRINITY_TRY(const flags::F32Lane lane, flags::open_f32_lane(flags.lane));
  TRINITY_TRY(const interchange::ImportOptions options, options_of(flags, lane.profile));
  terminal::Output output;
  Status printed;
  const auto listener = [&](const std::string& name, const Json& fields) {
    if (!printed) return;
    printed = output.write(flags.json ? event_record(name, fields) : event_line(name, fields));
    if (printed) printed = output.flush();
  };
  std::optional<terminal::ProgressBar> bar;
  if (!flags.json) bar.emplace("importing");
  auto report = interchange::import_python_components(*lane.backend, options, listener,
                                                      [&](std::uint64_t done, std::uint64_t total) {
                                                        if (bar) bar->update(done, total);
                                                      });
  bar.reset();
  if (!report) return tl::unexpected(std::move(report.error()));
  for (const std::string& file : report->foreign_files)
    terminal::note(fmt::format("left alone in {}: {}", flags.out, file));
  const bundle::Manifest& m = report->manifest;
  const std::string text =
      flags.json
          ? wire::json_line(report_record(flags, *report))
          : fmt::format(
                "Tensors: {} ({} imported, {} kept), {} singular values\nOutput: {}\n"
                "Time: {:.1f} s\nPython semantic import complete\n",
                m.tensors.size(), report->written, report->kept, m.selected_singular_value_count,
                printable(flags.out), report->total_ms / 1000);
  if (printed) printed = terminal::print(text);
  return terminal::conclude(0, {printed});
}

void declare(command_line::Command& command, ImportFlags& flags) {
  command.value("--source-dir", flags.source_dir, "folder of the components bundle")
      .takes("DIR")
      .required();
  command.value("--out", flags.out, "bundle folder to write")
      .takes("DIR")
      .required()
      .no_environment();
  command.value("--manifest", flags.manifest, "manifest in the source folder")
      .takes("FILE")
      .shows_default();
  command
      .value("--reference", flags.reference,
             "reference manifest: tensors and bundle names that the Python manifest leaves out")
      .takes("FILE");
  command
      .value("--model", flags.model,
             "base model whose shapes and types the bundle gets; only its headers are read")
      .takes("DIR");
  command.toggle("--no-load-qwen,--no-load-model", flags.no_load_model,
                 "import without a base model: shapes by rule, f32, not verified");
  command
      .value("--head-shape", flags.head_shape,
             "shape that the head must have; default: the model's hidden size, else 10x1024")
      .takes("OUTPUTSxHIDDEN");
  command
      .value("--base-repo", flags.base_repo,
             "name of the base model for the manifest; default: as the Python manifest says")
      .takes("NAME");
  command.toggle("--resume", flags.resume, "continue what an earlier run began").in("Run");
  command
      .toggle("--force", flags.force,
              "replace an earlier bundle in the folder (never anything else)")
      .in("Run")
      .no_environment();
  flags::add_f32_lane_flags(command, flags.lane);
  command.json_lines(flags.json, "one JSON object an event, and a report");
  command.notes(
      "The folder holds U, S, V and the scale offsets of every adapted tensor as the Python "
      "program\n"
      "writes them, and the router head. They are multiplied out in f32 and rounded once.\n\n"
      "Example:\n  trinity import --source-dir components --model Qwen3-0.6B --out bundle\n"
      "  trinity verify bundle --model Qwen3-0.6B");
}

}  // namespace

void add_import(command_line::Command& commands) {
  add_command(commands, "import", "Make a bundle from factors that the Python implementation wrote",
              declare, import);
}

}  // namespace trinity::cli
