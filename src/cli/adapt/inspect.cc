// trinity inspect: what an adapted bundle or a router vector holds, for people.
#include "bundle/inspect.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/try.h"
#include "base/utf8.h"
#include "cli/adapt/f32_lane.h"
#include "cli/adapt/inspect_chart.h"
#include "cli/commands.h"
#include "cli/flags/model_flags.h"
#include "report/html.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/paragraph.h"
#include "terminal/table.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

using Kind = BundlePicture::Kind;

struct InspectFlags {
  std::string path, model, vector, svg;
  std::string tensor_name = RouterVector::kTensorName;
  std::vector<std::int64_t> layers;
  std::int64_t head_rows = 0;
  F32LaneFlags lane;
  bool json = false;
};

constexpr std::size_t kLeastNameColumns = 31;  // names of tensors differ in their ends

const char* kind_name(Kind kind) {
  return kind == Kind::full ? "bundle" : kind == Kind::compact ? "compact bundle" : "router vector";
}

// ---- for people ---------------------------------------------------------------------------------

/// A path without what all of them share.
std::string short_path(const std::string& path) {
  std::string_view text = path;
  constexpr std::string_view front = "decoder.", back = ".kernel";
  if (text.substr(0, front.size()) == front) text.remove_prefix(front.size());
  if (text.size() > back.size() && text.substr(text.size() - back.size()) == back)
    text.remove_suffix(back.size());
  return std::string(text);
}

std::string short_hash(const std::optional<std::string>& hash) {
  return hash && !hash->empty() ? hash->substr(0, 8) : "–";
}

std::string duration(const ManifestTensor& entry) {
  if (!entry.made.decompose_elapsed_ms || !entry.made.reconstruct_elapsed_ms) return "–";
  return fmt::format("{:.2f} s", static_cast<double>(*entry.made.decompose_elapsed_ms +
                                                     *entry.made.reconstruct_elapsed_ms) /
                                     1000);
}

std::string gap(const ManifestTensor& entry) {
  if (!entry.measured.svd_gap_report) return "–";
  const auto& report = *entry.measured.svd_gap_report;
  return report.gaps_below_resolution > 0 ? fmt::format("{} equal", report.gaps_below_resolution)
                                          : fmt::format("{:.1e}", report.smallest_relative_gap);
}

std::string offsets_range(const TensorPicture& tensor) {
  if (!tensor.statistics) return "–";
  return fmt::format("{:+.3f} … {:+.3f}", tensor.statistics->minimum, tensor.statistics->maximum);
}

std::string offsets_deviation(const TensorPicture& tensor) {
  return tensor.statistics ? fmt::format("{:.4f}", tensor.statistics->standard_deviation) : "–";
}

std::string spectrum(const std::vector<double>& values) {
  return values.empty()
             ? "–"
             : fmt::format("{} … {}", short_number(values.front()), short_number(values.back()));
}

std::string type_name_of(const ManifestTensor& entry) {
  const auto dtype = parse_manifest_type(entry.type);
  return dtype ? std::string(dtype_name(*dtype)) : entry.type.empty() ? "–" : entry.type;
}

/// "Name:   value" lines; what is absent is left out.
class Facts {
 public:
  explicit Facts(Style style) : style_(style) {}

  void add(const char* name, const std::string& value) {
    constexpr std::size_t name_columns = 17, most_bytes = 400;
    if (value.empty()) return;
    lines_ += paragraph_after(fmt::format("{:<{}}", fmt::format("{}:", name), name_columns),
                              name_columns, {{excerpt(value, most_bytes)}}, style_, name_columns);
  }
  const std::string& lines() const { return lines_; }

 private:
  Style style_;
  std::string lines_;
};

std::string bundle_facts(const InspectFlags& flags, const BundlePicture& picture, Style style) {
  const Manifest& m = picture.manifest;
  Facts facts(style);
  facts.add("Bundle", fmt::format("{} ({}, layout {})", flags.path, kind_name(picture.kind),
                                  artifact_layout_name(m.adapted.layout)));
  const bool complete = require_complete(m).has_value();
  facts.add("State",
            complete ? fmt::format("complete, {} tensors", picture.tensors.size())
                     : fmt::format("not complete: status {}, {} of {} tensors finished",
                                   m.progress.status, picture.completed(), picture.tensors.size()));
  facts.add("Base model", m.base.repo + (m.base.revision ? " at " + *m.base.revision : ""));
  if (!m.recipe.spec_name.empty() || !m.recipe.layers.empty())
    facts.add("Layers", m.recipe.layers.empty()
                            ? "all"
                            : fmt::format("{}", fmt::join(m.recipe.layers, ", ")));
  facts.add("Tie mode", m.recipe.tie_mode.value_or("embed_offsets (not recorded)"));
  facts.add("SVD", m.recipe.svd_compute_type.value_or(""));
  facts.add("Router vector",
            fmt::format("{} (SHA-256 {}…)", m.vector.path, short_hash(m.vector.sha256)));
  std::string head = fmt::format("[{}, {}]", m.head.shape.at(0), m.head.shape.at(1));
  if (picture.head)
    head += fmt::format(", std {:.4f}, {:+.3f} … {:+.3f}", picture.head->standard_deviation,
                        picture.head->minimum, picture.head->maximum);
  facts.add("Head", head);
  facts.add("Producer", m.producer.program.value_or(m.imported.importer.value_or("")) +
                            (m.producer.profile && !m.producer.profile->empty()
                                 ? fmt::format(" (profile {})", *m.producer.profile)
                                 : ""));
  facts.add("Made",
            m.progress.created_at.empty()
                ? ""
                : fmt::format("{}, last changed {}", m.progress.created_at, m.progress.updated_at));
  return facts.lines();
}

std::string vector_facts(const BundlePicture& picture, Style style) {
  Facts facts(style);
  facts.add("Router vector", picture.vector_path);
  facts.add("SHA-256", picture.vector_sha256);
  const auto& last = picture.tensors.back().entry;
  facts.add("Offsets", fmt::format("{} for {} tensors", last.offset_end, picture.tensors.size()));
  facts.add("Head", fmt::format("[{}, {}], std {:.4f}, {:+.3f} … {:+.3f}", picture.head_shape.at(0),
                                picture.head_shape.at(1), picture.head->standard_deviation,
                                picture.head->minimum, picture.head->maximum));
  return facts.lines();
}

std::string vector_table(const BundlePicture& picture, const Style& style) {
  const Table table({{"#", 3, true},
                     {"tensor", 46, false, kLeastNameColumns},
                     {"span", 13, true, 0, 1},
                     {"offsets", 17, true},
                     {"std", 6, true}},
                    style);
  std::string out = table.header();
  for (const TensorPicture& tensor : picture.tensors)
    out += table.row({{std::to_string(tensor.entry.index)},
                      {short_path(tensor.entry.path)},
                      {fmt::format("{}–{}", tensor.entry.offset_start, tensor.entry.offset_end)},
                      {offsets_range(tensor)},
                      {offsets_deviation(tensor)}});
  return out;
}

/// What lies in the folder.
std::string files_table(const BundlePicture& picture, const Style& style) {
  const Table table({{"#", 3, true},
                     {"tensor", 32, false, kLeastNameColumns},
                     {"shape", 15, true},
                     {"type", 4, false, 0, 1},
                     {"state", 8},
                     {"sha256", 8, false, 0, 2},
                     {"time", 8, true},
                     {"backend", 12, false, 0, 3}},
                    style);
  std::string out = table.header();
  for (const TensorPicture& tensor : picture.tensors) {
    const ManifestTensor& entry = tensor.entry;
    const bool complete = entry.status == TensorStatus::complete;
    const bool failed = entry.status == TensorStatus::failed;
    out += table.row({{std::to_string(entry.index)},
                      {short_path(entry.path)},
                      {shape_text(entry.shape)},
                      {type_name_of(entry)},
                      {tensor_status_name(entry.status), complete ? &Style::green
                                                         : failed ? &Style::red
                                                                  : &Style::yellow},
                      {short_hash(entry.checkpoint_sha256)},
                      {duration(entry)},
                      {entry.made.backend_label.value_or("–")}});
  }
  for (const TensorPicture& tensor : picture.tensors)
    if (tensor.entry.error)
      out += paragraph({{fmt::format("{} failed: {}", excerpt(tensor.entry.path),
                                     excerpt(*tensor.entry.error, 400))}},
                       style, 2, 4);
  return out;
}

/// What the adaptation did to each tensor.
std::string change_table(const BundlePicture& picture, const Style& style, bool with_model) {
  std::vector<Column> columns = {{"#", 3, true},
                                 {"tensor", 32, false, kLeastNameColumns},
                                 {"gap", 9, true, 0, 5},
                                 {"offsets", 17, true, 0, 3},
                                 {"std", 6, true, 0, 4}};
  if (with_model) {
    columns.push_back({"moved", 8, true});
    columns.push_back({"σ before", 13, true, 0, 2});
    columns.push_back({"σ after", 13, true, 0, 1});
  }
  const Table table(columns, style);
  std::string out = table.header();
  for (const TensorPicture& tensor : picture.tensors) {
    std::vector<Cell> cells = {{std::to_string(tensor.entry.index)},
                               {short_path(tensor.entry.path)},
                               {gap(tensor.entry)},
                               {offsets_range(tensor)},
                               {offsets_deviation(tensor)}};
    if (with_model) {
      cells.push_back(
          {tensor.relative_change ? fmt::format("{:.2f} %", 100 * *tensor.relative_change) : "–"});
      cells.push_back({spectrum(tensor.spectrum_before)});
      cells.push_back({spectrum(tensor.spectrum_after)});
    }
    out += table.row(cells);
  }
  return out;
}

Status print_text(const InspectFlags& flags, const BundlePicture& picture, Output& output) {
  const Style style = Style::for_output(STDOUT_FILENO);
  if (picture.kind == Kind::vector)
    return output.write(vector_facts(picture, style) + "\n" + vector_table(picture, style));
  return output.write(bundle_facts(flags, picture, style) + "\n" + files_table(picture, style) +
                      "\n" + change_table(picture, style, !flags.model.empty()));
}

// ---- JSON ---------------------------------------------------------------------------------------

Json statistics_json(const VectorStatistics& s) {
  return {
      {"count", s.count},     {"mean", s.mean},       {"std", s.standard_deviation},
      {"minimum", s.minimum}, {"maximum", s.maximum}, {"share_above_tenth", s.share_above_tenth}};
}

Json spectrum_json(const std::vector<double>& values) {
  return {{"largest", values.front()}, {"smallest", values.back()}};
}

Json tensor_json(const TensorPicture& tensor, bool vector) {
  const ManifestTensor& entry = tensor.entry;
  Json out = {{"index", entry.index}, {"path", entry.path}};
  if (!entry.source_name.empty()) out["source_name"] = entry.source_name;
  out["offset_start"] = entry.offset_start;
  out["offset_end"] = entry.offset_end;
  if (!vector) {
    out["shape"] = entry.shape;
    out["type"] = entry.type;
    out["status"] = tensor_status_name(entry.status);
    const auto add = [&](const char* key, const auto& value) {
      if (value) out[key] = *value;
    };
    add("checkpoint_sha256", entry.checkpoint_sha256);
    add("backend", entry.made.backend_label);
    add("decompose_ms", entry.made.decompose_elapsed_ms);
    add("reconstruct_ms", entry.made.reconstruct_elapsed_ms);
    add("normalization", entry.measured.normalization);
    add("error", entry.error);
    add("relative_change", tensor.relative_change);
    if (entry.measured.svd_gap_report) {
      out["smallest_relative_gap"] = entry.measured.svd_gap_report->smallest_relative_gap;
      out["gaps_below_resolution"] = entry.measured.svd_gap_report->gaps_below_resolution;
    }
  }
  if (tensor.statistics) out["offsets"] = statistics_json(*tensor.statistics);
  if (!tensor.spectrum_before.empty())
    out["spectrum_before"] = spectrum_json(tensor.spectrum_before);
  if (!tensor.spectrum_after.empty()) out["spectrum_after"] = spectrum_json(tensor.spectrum_after);
  return out;
}

Status print_json(const InspectFlags& flags, const BundlePicture& picture, Output& output) {
  const Manifest& m = picture.manifest;
  const bool vector = picture.kind == Kind::vector;
  Json out = {{"path", flags.path},
              {"kind", vector                          ? "vector"
                       : picture.kind == Kind::compact ? "compact_bundle"
                                                       : "bundle"}};
  if (!vector) {
    out["status"] = m.progress.status;
    out["complete"] = require_complete(m).has_value();
    out["artifact_layout"] = artifact_layout_name(m.adapted.layout);
    out["base_model_repo"] = m.base.repo;
    out["tie_mode"] = m.recipe.tie_mode.value_or("embed_offsets");
    if (m.producer.program) out["producer"] = *m.producer.program;
    if (m.imported.importer) out["importer"] = *m.imported.importer;
    if (m.producer.profile) out["producer_profile"] = *m.producer.profile;
    out["source_vector_sha256"] = m.vector.sha256;
    out["completed"] = picture.completed();
  } else {
    out["sha256"] = picture.vector_sha256;
  }
  out["head_shape"] = picture.head_shape;
  if (picture.head) out["head"] = statistics_json(*picture.head);
  out["tensors"] = Json::array();
  for (const TensorPicture& tensor : picture.tensors)
    out["tensors"].push_back(tensor_json(tensor, vector));
  out["notes"] = picture.notes;
  return output.write(wire::json_line(out));
}

// ---- the command --------------------------------------------------------------------------------

bool is_vector(const InspectFlags& flags) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(flags.path, ignored);
}

bool is_bundle(const InspectFlags& flags) {
  std::error_code ignored;
  return std::filesystem::is_directory(flags.path, ignored);
}

Result<BundlePicture> look(const InspectFlags& flags) {
  if (is_vector(flags)) {
    TRINITY_TRY(const VectorLayout layout, layout_of_model(flags.model, flags.layers));
    return inspect_vector(flags.path, flags.tensor_name, layout, flags.head_rows);
  }
  TRINITY_TRY(const F32Lane lane, open_f32_lane(flags.lane));
  DenseAlgebra* algebra = lane.backend->dense_algebra();
  if (algebra == nullptr)
    return fail(ErrorKind::unsupported, "operation_unsupported",
                fmt::format("profile {} cannot decompose matrices; inspect with --profile cpu_f32",
                            lane.profile.asked_for()));
  return inspect_bundle(*algebra, flags.path, {flags.model, flags.vector});
}

Status draw(const InspectFlags& flags, const BundlePicture& picture) {
  if (flags.svg.empty()) return {};
  if (!has_chart(picture))
    return fail(ErrorKind::missing, "nothing_to_draw",
                "neither offsets nor spectra are known; name the router vector with --vector or "
                "the base model with --model");
  const std::string name = std::filesystem::path(flags.path).lexically_normal().filename().string();
  return write_output(
      flags.svg,
      inspect_chart(picture,
                    fmt::format("{} {}", name.empty() ? flags.path : name,
                                picture.kind == Kind::vector ? "" : kind_name(picture.kind))));
}

Result<int> inspect(const InspectFlags& flags) {
  TRINITY_CHECK(
      check_outputs({{"--svg", flags.svg}},
                    {{"PATH", flags.path}, {"--model", flags.model}, {"--vector", flags.vector}}));
  TRINITY_TRY(const BundlePicture picture, look(flags));
  Output output;
  Status printed =
      flags.json ? print_json(flags, picture, output) : print_text(flags, picture, output);
  if (printed) printed = output.flush();
  if (!flags.json)
    for (const std::string& text : picture.notes) note(text);
  return conclude(0, {printed, draw(flags, picture)});
}

void declare(Command& command, InspectFlags& flags) {
  command.word("path", flags.path, "bundle folder, or router vector (.npy, .safetensors)")
      .takes("PATH")
      .required();
  command
      .value(
          "--model", flags.model,
          "base model: spectra before and after, and how far each tensor moved; of a vector: the "
          "model whose shapes divide it (without it: Qwen3-0.6B, layer 26)")
      .takes("DIR");
  command
      .value("--vector", flags.vector,
             "router vector of the bundle (without it: where the manifest says)")
      .takes("FILE")
      .used_when([&flags] { return !is_vector(flags); },
                 "is for a bundle; this is a vector itself");
  command.value("--layers", flags.layers, "of a vector: the layers of --model it adapts")
      .commas()
      .takes("L,L…")
      .at_least(0)
      .used_when([&flags] { return !is_bundle(flags); },
                 "divides a router vector; a bundle says itself which layers it adapts");
  add_head_rows_flag(command, flags.head_rows)
      .used_when([&flags] { return !is_bundle(flags); },
                 "divides a router vector; a bundle says itself what its head is");
  command.value("--tensor-name", flags.tensor_name, "of a vector: its tensor in a safetensors file")
      .takes("NAME")
      .shows_default()
      .used_when([&flags] { return !is_bundle(flags); },
                 "is for a router vector, not for a bundle");
  command.value("--svg", flags.svg, "draw offsets and spectra of every tensor")
      .takes("FILE")
      .in("Output")
      .no_environment();
  command.json(flags.json, "one JSON object").in("Output");
  add_f32_lane_flags(command, flags.lane);
  command.notes(
      "Works on bundles in any state, also unfinished ones; whether files are undamaged is what\n"
      "trinity verify answers.\n\n"
      "Examples:\n"
      "  trinity inspect adapted\n"
      "  trinity inspect adapted --model Qwen3-0.6B --svg adapted.svg\n"
      "  trinity inspect router.npy --svg router.svg");
}

}  // namespace

void add_inspect(Command& commands) {
  add_command(commands, "inspect", "Show what an adapted bundle or router vector holds", declare,
              inspect);
}

}  // namespace trinity::cli
