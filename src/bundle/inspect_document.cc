// A bundle or router vector for people. Tables are those of a terminal; the picture is one panel a
// tensor.
#include "bundle/inspect_document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "report/panels_chart.h"

namespace trinity::bundle {
namespace {

using Kind = BundlePicture::Kind;
using report::Cell;
using report::Look;

constexpr std::size_t kLeastNameColumns = 31;  // names of tensors differ in their ends

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
  return values.empty() ? "–"
                        : fmt::format("{} … {}", report::short_number(values.front()),
                                      report::short_number(values.back()));
}

std::string type_name_of(const ManifestTensor& entry) {
  const auto dtype = parse_manifest_type(entry.type);
  return dtype ? std::string(dtype_name(*dtype)) : entry.type.empty() ? "–" : entry.type;
}

/// Facts by name; what is absent is left out.
class Facts {
 public:
  void add(const char* name, const std::string& value) {
    constexpr std::size_t most_bytes = 400;
    if (!value.empty()) facts_.lines.push_back({name, {report::foreign(value, most_bytes)}});
  }
  report::Facts take() { return std::move(facts_); }

 private:
  report::Facts facts_{16, {}};
};

report::Facts bundle_facts(const BundlePicture& picture, const std::string& path) {
  const Manifest& m = picture.manifest;
  Facts facts;
  facts.add("Bundle", fmt::format("{} ({}, layout {})", path, kind_name(picture.kind),
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
  return facts.take();
}

report::Facts vector_facts(const BundlePicture& picture) {
  Facts facts;
  facts.add("Router vector", picture.vector_path);
  facts.add("SHA-256", picture.vector_sha256);
  const auto& last = picture.tensors.back().entry;
  facts.add("Offsets", fmt::format("{} for {} tensors", last.offset_end, picture.tensors.size()));
  facts.add("Head", fmt::format("[{}, {}], std {:.4f}, {:+.3f} … {:+.3f}", picture.head_shape.at(0),
                                picture.head_shape.at(1), picture.head->standard_deviation,
                                picture.head->minimum, picture.head->maximum));
  return facts.take();
}

report::Table vector_table(const BundlePicture& picture) {
  report::Table table{"Tensors",
                      {{"#", 3, true},
                       {"tensor", 46, false, kLeastNameColumns},
                       {"span", 13, true, 0, 1},
                       {"offsets", 17, true},
                       {"std", 6, true}},
                      {}};
  for (const TensorPicture& tensor : picture.tensors)
    table.rows.push_back(
        {{{std::to_string(tensor.entry.index)},
          {short_path(tensor.entry.path)},
          {fmt::format("{}–{}", tensor.entry.offset_start, tensor.entry.offset_end)},
          {offsets_range(tensor)},
          {offsets_deviation(tensor)}}});
  return table;
}

/// What lies in the folder.
report::Table files_table(const BundlePicture& picture) {
  report::Table table{"Files",
                      {{"#", 3, true},
                       {"tensor", 32, false, kLeastNameColumns},
                       {"shape", 15, true},
                       {"type", 4, false, 0, 1},
                       {"state", 8},
                       {"sha256", 8, false, 0, 2},
                       {"time", 8, true},
                       {"backend", 12, false, 0, 3}},
                      {}};
  for (const TensorPicture& tensor : picture.tensors) {
    const ManifestTensor& entry = tensor.entry;
    const bool complete = entry.status == TensorStatus::complete;
    const bool failed = entry.status == TensorStatus::failed;
    table.rows.push_back({{{std::to_string(entry.index)},
                           {short_path(entry.path)},
                           {shape_text(entry.shape)},
                           {type_name_of(entry)},
                           {tensor_status_name(entry.status), complete ? Look::good
                                                              : failed ? Look::bad
                                                                       : Look::warn},
                           {short_hash(entry.checkpoint_sha256)},
                           {duration(entry)},
                           {entry.made.backend_label.value_or("–")}}});
  }
  return table;
}

/// What the adaptation did to each tensor.
report::Table change_table(const BundlePicture& picture, bool with_model) {
  std::vector<report::Column> columns = {{"#", 3, true},
                                         {"tensor", 32, false, kLeastNameColumns},
                                         {"gap", 9, true, 0, 5},
                                         {"offsets", 17, true, 0, 3},
                                         {"std", 6, true, 0, 4}};
  if (with_model) {
    columns.push_back({"moved", 8, true});
    columns.push_back({"σ before", 13, true, 0, 2});
    columns.push_back({"σ after", 13, true, 0, 1});
  }
  report::Table table{"Changes", std::move(columns), {}};
  for (const TensorPicture& tensor : picture.tensors) {
    std::vector<Cell> cells = {{std::to_string(tensor.entry.index)},
                               {short_path(tensor.entry.path)},
                               {gap(tensor.entry)},
                               {offsets_range(tensor)},
                               {offsets_deviation(tensor)}};
    if (with_model) {
      cells.emplace_back(
          tensor.relative_change ? fmt::format("{:.2f} %", 100 * *tensor.relative_change) : "–");
      cells.emplace_back(spectrum(tensor.spectrum_before));
      cells.emplace_back(spectrum(tensor.spectrum_after));
    }
    table.rows.push_back({std::move(cells)});
  }
  return table;
}

/// Why tensors were not finished.
report::Findings failures(const BundlePicture& picture) {
  report::Findings failures{"Failures", {"tensor"}, {}};
  for (const TensorPicture& tensor : picture.tensors)
    if (tensor.entry.error)
      failures.items.push_back({{report::foreign(tensor.entry.path, 120)},
                                report::foreign(*tensor.entry.error, 400, Look::bad)});
  return failures;
}

/// Of one tensor, in a line.
std::string panel_facts(const TensorPicture& tensor) {
  const ManifestTensor& entry = tensor.entry;
  std::string facts = entry.shape.size() == 2
                          ? fmt::format("{}×{}", entry.shape[0], entry.shape[1])
                          : fmt::format("{} singular values", entry.singular_values);
  if (tensor.statistics)
    facts +=
        fmt::format("  ·  std {:.4f}  ·  {:+.3f} … {:+.3f}", tensor.statistics->standard_deviation,
                    tensor.statistics->minimum, tensor.statistics->maximum);
  if (tensor.relative_change)
    facts += fmt::format("  ·  moved {:.2f} %", 100 * *tensor.relative_change);
  return facts;
}

const char* panel_remark(const TensorPicture& tensor) {
  if (!tensor.offsets.empty())
    return tensor.offsets_sorted ? "offsets, by size" : "offsets, largest singular value first";
  return tensor.entry.status == TensorStatus::complete ? "offsets unknown" : "not exported yet";
}

}  // namespace

const char* kind_name(Kind kind) {
  return kind == Kind::full ? "bundle" : kind == Kind::compact ? "compact bundle" : "router vector";
}

report::Document inspect_document(const BundlePicture& picture, const std::string& path,
                                  bool with_model) {
  report::Section section;
  if (picture.kind == Kind::vector) {
    section.blocks = {vector_facts(picture), vector_table(picture)};
  } else {
    section.blocks = {bundle_facts(picture, path), files_table(picture), failures(picture),
                      change_table(picture, with_model)};
  }
  return {kind_name(picture.kind), {}, {}, {}, {std::move(section)}};
}

bool has_chart(const BundlePicture& picture) {
  return std::any_of(picture.tensors.begin(), picture.tensors.end(), [](const auto& tensor) {
    return !tensor.offsets.empty() || !tensor.spectrum_after.empty();
  });
}

std::string inspect_chart(const BundlePicture& picture, const std::string& title) {
  std::vector<report::SpectrumPanel> panels;
  for (const TensorPicture& tensor : picture.tensors)
    panels.push_back({tensor.entry.path, panel_facts(tensor), tensor.offsets, panel_remark(tensor),
                      tensor.spectrum_before, tensor.spectrum_after});
  return report::spectra_svg(panels, title);
}

report::Document verify_document(const VerifyReport& found, const std::string& path) {
  report::Checklist checks{"Checks", {}, 0};
  for (const Finding& finding : found.findings)
    checks.items.push_back(
        {finding.ok ? Look::good : Look::bad, finding.subject, {{finding.message}}});
  const auto failed = found.failed();
  return {
      "Bundle",
      {failed == 0 ? fmt::format("{}: all {} checks passed", path, found.findings.size())
                   : fmt::format("{}: {} of {} checks failed", path, failed, found.findings.size()),
       failed == 0 ? Look::good : Look::bad},
      {},
      {},
      {{{}, {}, {std::move(checks)}}}};
}

}  // namespace trinity::bundle
