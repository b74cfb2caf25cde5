// trinity export: base model + router vector → adapted bundle.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "backend_registry/registry.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "bundle/export_folder.h"
#include "bundle/exporter.h"
#include "cli/adapt/bundle_events.h"
#include "cli/commands.h"
#include "flags/model_flags.h"
#include "router/profile.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct ExportFlags {
  std::string model, vector, tensor_name = adapt::RouterVector::kTensorName, out;
  std::vector<std::int64_t> layers;
  std::int64_t head_rows = 0;
  std::optional<TieMode> tie_mode;
  std::string svd_compute_type = "f32", profile;
  int threads = 0;
  std::optional<std::int64_t> only_index;
  bool compact = false, merge = false, resume = false, force = false, no_skip = false,
       dry_run = false, json = false;
  std::string base_repo, base_revision;
};

Result<bundle::ExportOptions> options_of(const ExportFlags& flags) {
  bundle::ExportOptions options;
  options.model = flags.model;
  options.vector = flags.vector;
  options.vector_tensor = flags.tensor_name;
  options.out = flags.out;
  options.layers = flags.layers;
  options.head_rows = flags.head_rows;
  options.adaptation.tie_mode = flags.tie_mode.value_or(TieMode::embed_offsets);
  TRINITY_TRY(options.adaptation.compute_type,
              adapt::parse_svd_compute_type(flags.svd_compute_type));
  options.compact = flags.compact;
  options.merge = flags.merge;
  options.resume = flags.resume && !flags.force;
  options.force = flags.force;
  options.skip_existing = !flags.no_skip;
  if (flags.only_index) options.only_index = *flags.only_index;
  options.producer = version_text();
  options.base_model_repo = flags.base_repo;
  options.base_model_revision = flags.base_revision;
  if (flags.out.empty() && !flags.dry_run)
    return fail(ErrorKind::usage, "missing_out", "--out names the folder to write; give one");
  return options;
}

std::string pad(const std::string& text, std::size_t columns) {
  return text + std::string(columns - std::min(columns, display_width(text)), ' ');
}

Status print_dry_run(const ExportFlags& flags, const bundle::ExportPlan& plan,
                     const backend::Backend& backend) {
  terminal::Output output;
  if (flags.json) {
    Json tensors = Json::array();
    for (const bundle::ManifestTensor& t : plan.manifest.tensors)
      tensors.push_back({{"index", t.index},
                         {"path", t.path},
                         {"shape", t.shape},
                         {"singular_values", t.singular_values},
                         {"backend", backend.info().label}});
    TRINITY_CHECK(output.write(wire::json_line(
        Json{{"status", "dry_run"},
             {"export_complete", false},
             {"dry_run", true},
             {"export_spec", bundle::export_spec_document(plan.manifest)},
             {"source_vector_shape", plan.manifest.vector.shape},
             {"scale_offsets_shape", Json::array({plan.selection.scale_count()})},
             {"router_head_shape", plan.manifest.head.shape},
             {"selected_tensor_count", plan.manifest.tensors.size()},
             {"selected_singular_value_count", plan.manifest.selected_singular_value_count},
             {"selected_tensors", tensors}})));
    return output.flush();
  }
  TRINITY_CHECK(output.write("Dry run complete: no files written\n"));
  for (const bundle::ManifestTensor& t : plan.manifest.tensors)
    TRINITY_CHECK(output.write(fmt::format("{:>4}  {} {:<16} {} singular values\n", t.index,
                                           pad(printable(t.path, 40), 40), shape_text(t.shape),
                                           t.singular_values)));
  return output.flush();
}

Status print_summary(const ExportFlags& flags, const bundle::ExportPlan& plan,
                     const backend::Backend& backend, terminal::Output& output) {
  const bundle::Manifest& m = plan.manifest;
  TRINITY_CHECK(output.write(fmt::format(
      "Base model:    {}\nRouter vector: {} ({} numbers: {} offsets, head [{}, {}]: {})\n"
      "Tensors:       {} with {} singular values, layers {}\n"
      "Tie mode:      {}{}\nBackend:       {} on {}\nOutput:        {} ({})\n",
      printable(flags.model), printable(flags.vector), m.vector.shape[0], m.scale_offset_count,
      m.head.shape[0], m.head.shape[1], adapt::head_rows_text(m.head.shape[0]), m.tensors.size(),
      m.selected_singular_value_count,
      m.recipe.layers.empty() ? "all" : fmt::format("{}", fmt::join(m.recipe.layers, ", ")),
      m.recipe.tie_mode.value_or("embed_offsets"), plan.selection.tied ? " (tied base model)" : "",
      backend.info().label, backend.info().device, printable(flags.out),
      flags.compact ? "compact: factors" : "full: adapted tensors")));
  return output.flush();
}

/// What people see of an event: the tensors as they finish, and what was kept.
std::string shown_event(const std::string& name, const Json& fields) {
  if (name != "tensor_skipped" && name != "tensor_export_progress" &&
      name != "router_head_skipped" && name != "router_head_rewrite" &&
      name != "artifact_merge_complete" && name != "tensor_export_failed" &&
      name != "log_write_failed")
    return {};
  if (name == "tensor_export_progress" || name == "tensor_skipped") {
    const auto seconds = [&](const char* key) {
      return static_cast<double>(fields[key].as_int64()) / 1000;
    };
    const std::string what = name == "tensor_skipped"
                                 ? std::string("was there already")
                                 : fmt::format("decomposed in {:.1f} s, written in {:.1f} s",
                                               seconds("decompose_ms"), seconds("reconstruct_ms"));
    return fmt::format("{:>4}  {} {}\n", fields["index"].as_int64(),
                       pad(printable(fields["path"].as_string(), 40), 40), what);
  }
  return event_line(name, fields);
}

Result<int> run_export_command(const ExportFlags& flags) {
  TRINITY_TRY(bundle::ExportOptions options, options_of(flags));
  if (!flags.dry_run)
    TRINITY_CHECK(terminal::check_output_folder(
        {"--out", flags.out}, {{"--model", flags.model}, {"--vector", flags.vector}},
        bundle::is_bundle_file));
  TRINITY_TRY(const router::RuntimeProfile profile, router::resolve_profile(flags.profile));
  TRINITY_CHECK(router::require_capability(profile, router::Capability::export_svd));
  options.profile = profile.asked_for();
  TRINITY_TRY(const std::unique_ptr<bundle::ExportPlan> plan, bundle::plan_export(options));
  for (const std::string& choice : plan->checkpoint.notes()) terminal::warn(choice);
  TRINITY_TRY(const std::unique_ptr<backend::Backend> backend,
              backend::create_backend(profile.backend, {flags.threads}));
  if (flags.dry_run) {
    TRINITY_CHECK(print_dry_run(flags, *plan, *backend));
    return 0;
  }
  terminal::Output output;
  Status printed;  // the work goes on when its reader leaves
  if (!flags.json) printed = print_summary(flags, *plan, *backend, output);
  std::optional<terminal::ProgressBar> bar;
  if (!flags.json) bar.emplace("adapting", true);
  const auto listener = [&](const std::string& name, const Json& fields) {
    if (!printed) return;
    if (flags.json) {
      printed = output.write(event_record(name, fields));
    } else if (const std::string line = shown_event(name, fields); !line.empty()) {
      if (name == "tensor_export_progress" || name == "tensor_skipped")
        bar->piece_finished(name == "tensor_skipped");
      bar->clear();
      printed = output.write(line);
    }
    if (printed) printed = output.flush();
  };
  auto report = bundle::run_export(*backend, options, *plan, listener,
                                   [&](std::uint64_t done, std::uint64_t total) {
                                     if (bar) bar->update(done, total);
                                   });
  bar.reset();
  if (!report) return tl::unexpected(std::move(report.error()));
  for (const std::string& file : report->foreign_files)
    terminal::note(fmt::format("left alone in {}: {}", flags.out, file));
  const bundle::Manifest& m = report->manifest;
  const int verdict = m.progress.status == "complete" || flags.only_index ? 0 : 1;
  if (!flags.json && printed)
    printed = terminal::print(fmt::format("Export status: {}\nCompleted: {} / {}\nTime: {:.1f} s\n",
                                          m.progress.status, m.completed(), m.tensors.size(),
                                          report->total_ms / 1000));
  return terminal::conclude(verdict, {printed});
}

void declare(command_line::Command& command, ExportFlags& flags) {
  command.value("--model", flags.model, "folder of the base model").takes("DIR").required();
  command
      .value("--vector,--source-vector", flags.vector,
             "router vector, .npy or safetensors: offsets, then the head")
      .takes("FILE")
      .required();
  command.value("--tensor-name", flags.tensor_name, "the vector's tensor in a safetensors file")
      .takes("NAME")
      .shows_default();
  command.value("--out", flags.out, "bundle folder to write").takes("DIR").no_environment();
  flags::add_layer_flags(command, flags.layers, flags.tie_mode);
  flags::add_head_rows_flag(command, flags.head_rows);
  command
      .value("--svd-compute-type", flags.svd_compute_type,
             "f32, or source: round the decomposition to the weights' own type")
      .takes("TYPE")
      .shows_default()
      .in("Adaptation");
  command
      .toggle("--compact", flags.compact,
              "write each tensor's factor instead of the product: small, needs the base model")
      .in("Adaptation");
  command
      .toggle("--merge", flags.merge,
              "also write all tensors into one file, adapted_tensors.safetensors")
      .in("Adaptation");
  command.toggle("--resume", flags.resume, "continue what an earlier run began").in("Run");
  command.toggle("--force", flags.force, "replace a bundle in --out (never anything else)")
      .in("Run")
      .no_environment();
  command
      .toggle("--no-skip-existing", flags.no_skip, "with --resume: compute finished tensors again")
      .in("Run")
      .used_when([&flags] { return flags.resume; }, "needs --resume");
  command
      .value("--only-index", flags.only_index,
             "export this tensor alone, counted from 1; the bundle stays partial")
      .takes("N")
      .in("Run");
  command.toggle("--dry-run", flags.dry_run, "show what would be exported; write nothing")
      .in("Run");
  command
      .value("--profile", flags.profile,
             "how to compute, see `trinity profiles`; fast: the fastest one here (without it: the "
             "default, the same everywhere)")
      .takes("NAME")
      .in("Run");
  command.value("--threads", flags.threads, "threads to compute with (0: all processors)")
      .takes("N")
      .range(0, 1024)
      .in("Run");
  command
      .value("--base-repo", flags.base_repo,
             "the base model's repository, for the manifest (without it: from the folder)")
      .takes("NAME")
      .in("Run");
  command
      .value("--base-revision", flags.base_revision, "the base model's revision, for the manifest")
      .takes("REV")
      .in("Run");
  command.json_lines(flags.json, "every event as a JSON object a line").in("Output");
  command.notes(
      "A run that was killed continues with --resume; finished tensors are kept.\n\n"
      "Examples:\n"
      "  trinity export --model Qwen3-0.6B --vector router.npy --layers 26 --out adapted\n"
      "  trinity export --model Qwen3-0.6B --vector router.npy --layers 26 --out small --compact\n"
      "  trinity route --model Qwen3-0.6B --bundle adapted \"Is 1009 prime?\"");
}

}  // namespace

void add_export(command_line::Command& commands) {
  add_command(commands, "export", "Adapt a base model by a router vector and write a bundle",
              declare, run_export_command);
}

}  // namespace trinity::cli
