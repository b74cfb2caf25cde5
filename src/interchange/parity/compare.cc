#include "interchange/parity/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "base/json_value.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/json_lookup.h"
#include "interchange/parity/source.h"
#include "interchange/parity/stage.h"
#include "tensor/safetensors.h"

namespace trinity::interchange {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTailBytes = 4096;
constexpr size_t kWorst = 5;
constexpr const char* kDiffStages[] = {"scaled_s",           "u_scaled",  "matmul_pre_norm",
                                       "adapted_source_f32", "final_f32", "final_bf16",
                                       "zero_source_f32"};

Result<Json> read_report(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored))
    return fail(ErrorKind::missing, "not_a_regular_file",
                fmt::format("{} is not a regular file; name a parity report", path.string()));
  return bundle::read_json_object(path);
}

using Hashes = std::vector<std::pair<std::string, std::string>>;  // label, SHA-256

void collect_hashes(const Json& report, std::string_view list, Hashes& out) {
  const Json* variants = bundle::find_list(report, {list});
  if (variants == nullptr) return;
  for (const Json& variant : *variants) {
    const auto label = bundle::find_text(variant, {"label"});
    const auto hash = bundle::find_text(variant, {"observed_bf16_sha256"});
    if (label && hash) out.emplace_back(*label, *hash);
  }
}

bool contains_hash(const Hashes& hashes, const std::optional<std::string>& wanted) {
  return wanted && std::any_of(hashes.begin(), hashes.end(),
                               [&](const auto& entry) { return entry.second == *wanted; });
}

/// One check as a report lists it.
struct Verdict {
  std::string where, stage;
  bool required = false, passed = false;
  std::optional<double> max_abs, mean_abs;
};

std::optional<double> number(const Json& json, const char* key) {
  const Json* value = bundle::find_value(json, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->as_double();
}

bool boolean(const Json& json, const char* key) {
  const Json* value = bundle::find_value(json, key);
  return value != nullptr && value->is_boolean() && value->as_bool();
}

/// A check counts as passed when the report says so and its own numbers do not contradict it. A
/// stage that must be there is required whatever the report says.
Verdict read_check(const Json& check, const std::string& where) {
  Verdict out;
  out.where = where;
  out.stage = bundle::find_text(check, {"stage"}).value_or("?");
  out.required = stage_rule(out.stage).required || boolean(check, "required_for_functional_parity");
  out.max_abs = number(check, "max_abs_error");
  out.mean_abs = number(check, "mean_abs_error");
  const StageRule rule = stage_rule(out.stage);
  out.passed = boolean(check, "functional_passed") &&
               (!out.max_abs || std::abs(*out.max_abs) <= rule.max_abs) &&
               (!out.mean_abs || std::abs(*out.mean_abs) <= rule.mean_abs);
  return out;
}

void collect_checks(const Json& holder, const std::string& where, std::vector<Verdict>& out) {
  const Json* checks = bundle::find_list(holder, {"checks", "stage_debug.checks"});
  if (checks == nullptr) return;
  for (const Json& check : *checks) out.push_back(read_check(check, where));
}

int64_t failed_required(const std::vector<Verdict>& checks) {
  return std::count_if(checks.begin(), checks.end(),
                       [](const Verdict& check) { return check.required && !check.passed; });
}

/// The element places where two stages differ most.
struct ElementDifference {
  size_t place = 0;
  float ours = 0, theirs = 0;
  double size() const {
    const double error = std::abs(double{ours} - double{theirs});
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
};

class Comparator {
 public:
  explicit Comparator(const CompareOptions& options) : options_(options) {}

  Result<CompareResult> run() {
    TRINITY_TRY(python_, read_report(options_.python_report));
    TRINITY_TRY(ours_, read_report(options_.our_report));
    baseline_ = find_baseline(python_);
    expected_ = bundle::find_text(python_, {"reference.expected_bf16_sha256"});
    if (!expected_) expected_ = bundle::find_text(ours_, {"reference.expected_bf16_sha256"});
    compare_hashes();
    compare_stages();
    compare_chunks();
    top_differences();
    judge();
    return std::move(out_);
  }

 private:
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    out_.text += fmt::format(format, std::forward<Arguments>(arguments)...) + "\n";
  }

  void print_hashes(const char* title, const Hashes& hashes) {
    line("{}", title);
    for (const auto& [label, hash] : hashes) {
      std::string marks;
      if (expected_ == hash) marks += " [stored reference]";
      if (baseline_.sha256 == hash) marks += " [current Python baseline]";
      line("  {}  {}{}", excerpt(hash), excerpt(label), marks);
    }
    if (hashes.empty()) line("  none");
  }

  void compare_hashes() {
    collect_hashes(python_, "variants", python_hashes_);
    collect_hashes(ours_, "native_elixir_svd_variants", our_hashes_);
    collect_hashes(ours_, "semantic_python_component_variants", our_hashes_);
    line("Stored reference hash: {}", excerpt(expected_.value_or("none")));
    line("Current Python baseline: {} {}", excerpt(baseline_.sha256.value_or("none")),
         excerpt(baseline_.label.value_or("")));
    print_hashes("Python hashes", python_hashes_);
    print_hashes("Coordinator hashes", our_hashes_);
    line("Cross matches");
    int64_t matches = 0;
    for (const auto& [our_label, our_hash] : our_hashes_)
      for (const auto& [python_label, python_hash] : python_hashes_)
        if (our_hash == python_hash) {
          line("  {} == {}", excerpt(our_label), excerpt(python_label));
          ++matches;
        }
    if (matches == 0) line("  none");
  }

  void print_checks(const char* title, const std::vector<Verdict>& checks) {
    int64_t required = 0;
    for (const Verdict& check : checks) required += check.required ? 1 : 0;
    line("{}: {} checks, {} required, {} required failed", title, checks.size(), required,
         failed_required(checks));
    std::vector<const Verdict*> worst;
    for (const Verdict& check : checks) {
      if (check.required && !check.passed)
        line("  FAILED {} {} max_abs={} mean_abs={}", excerpt(check.where), excerpt(check.stage),
             shown(check.max_abs), shown(check.mean_abs));
      if (check.max_abs) worst.push_back(&check);
    }
    std::stable_sort(worst.begin(), worst.end(),
                     [](const Verdict* a, const Verdict* b) { return *a->max_abs > *b->max_abs; });
    worst.resize(std::min(worst.size(), kWorst));
    if (!worst.empty()) line("  worst by max_abs:");
    for (const Verdict* check : worst)
      line("    {:<20} max_abs={} mean_abs={} {}", excerpt(check->stage), shown(check->max_abs),
           shown(check->mean_abs), excerpt(check->where));
  }

  static std::string shown(const std::optional<double>& value) {
    return value ? fmt::format("{:.6g}", *value) : "null";
  }

  void compare_stages() {
    if (const Json* variants = bundle::find_list(ours_, {"semantic_python_component_variants"}))
      for (const Json& variant : *variants)
        if (const Json* debug = bundle::find_value(variant, "stage_debug"))
          collect_checks(*debug, bundle::find_text(variant, {"label"}).value_or("?"),
                         sample_checks_);
    out_.sample_checks = static_cast<int64_t>(sample_checks_.size());
    if (!sample_checks_.empty()) print_checks("Stage checks", sample_checks_);
  }

  void compare_chunks() {
    if (const Json* chunks = bundle::find_list(ours_, {"large_tensor_chunk_checks"}))
      for (const Json& chunk : *chunks)
        collect_checks(chunk, bundle::find_text(chunk, {"label"}).value_or("?"), chunk_checks_);
    out_.chunk_checks = static_cast<int64_t>(chunk_checks_.size());
    if (!chunk_checks_.empty())
      print_checks("Large tensor chunk checks against Python stage tensors", chunk_checks_);
  }

  /// The file of our stages of the host's torch_v variant.
  std::optional<fs::path> our_stage_file() const {
    const Json* variants = bundle::find_list(ours_, {"semantic_python_component_variants"});
    if (variants == nullptr) return std::nullopt;
    for (const Json& variant : *variants)
      if (bundle::find_text(variant, {"label"}).value_or("") ==
          "semantic_python_components_host_binary_v_layout_torch_v")
        if (const auto file = bundle::find_text(variant, {"stage_debug.stage_tensor_file"}))
          return bundle::locate_named_file(options_.our_report.parent_path(), *file);
    return std::nullopt;
  }

  void top_differences() {
    const auto named =
        bundle::find_text(python_, {"stage_debug.stage_tensor_file", "inputs.stage_tensor_file"});
    const auto our_path = our_stage_file();
    if (options_.top_diffs <= 0 || !named || !our_path) return;
    const auto ours = SafetensorsFile::open(*our_path);
    const auto theirs = SafetensorsFile::open(
        bundle::locate_named_file(options_.python_report.parent_path(), *named));
    if (!ours || !theirs) {
      line("Top differences: not shown ({})",
           excerpt(ours ? theirs.error().message : ours.error().message, 1024));
      return;
    }
    line("Top differences");
    for (const char* stage : kDiffStages) stage_differences(*ours, *theirs, stage);
  }

  void stage_differences(const SafetensorsFile& ours, const SafetensorsFile& theirs,
                         const char* stage) {
    const std::string key = fmt::format("stage.{}", stage);
    const auto a = ours.tensor(key);
    const auto b = theirs.tensor(key);
    if (!a || !b || a->shape != b->shape) return line("  {}: not comparable", stage);
    const auto our_values = to_f32(*a);
    const auto their_values = to_f32(*b);
    if (!our_values || !their_values) return line("  {}: not comparable", stage);
    std::vector<ElementDifference> all;
    for (size_t i = 0; i < our_values->size(); ++i)
      if ((*our_values)[i] != (*their_values)[i])
        all.push_back({i, (*our_values)[i], (*their_values)[i]});
    const size_t count = std::min(all.size(), static_cast<size_t>(options_.top_diffs));
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                      [](const ElementDifference& x, const ElementDifference& y) {
                        return x.size() != y.size() ? x.size() > y.size() : x.place < y.place;
                      });
    line("  {}: {} of {} elements differ", stage, all.size(), our_values->size());
    const size_t columns =
        a->shape.size() == 2 ? static_cast<size_t>(a->shape[1]) : our_values->size();
    for (size_t i = 0; i < count; ++i) {
      const ElementDifference& d = all[i];
      line("    [{}, {}] python={} coordinator={} abs={:.6g}", d.place / columns, d.place % columns,
           d.theirs, d.ours, d.size());
    }
  }

  void judge() {
    if (options_.strict_reference &&
        !(contains_hash(python_hashes_, expected_) && contains_hash(our_hashes_, expected_)))
      out_.failures.emplace_back("strict reference comparison failed");
    if (options_.strict_current_python && !contains_hash(our_hashes_, baseline_.sha256))
      out_.failures.emplace_back("strict current-Python comparison failed");
    if (options_.strict_stage_tolerances) {
      if (sample_checks_.empty() && chunk_checks_.empty())
        out_.failures.emplace_back(
            "strict stage-tolerance comparison failed: the report has no stage checks");
      if (failed_required(sample_checks_) > 0)
        out_.failures.emplace_back("strict stage-tolerance comparison failed");
      if (failed_required(chunk_checks_) > 0)
        out_.failures.emplace_back("strict large-tensor chunk stage-tolerance comparison failed");
    }
    for (const std::string& failure : out_.failures) line("{}", failure);
    if (out_.failures.empty()) line("parity comparison passed");
  }

  const CompareOptions& options_;
  Json python_, ours_;
  ParityBaseline baseline_;
  std::optional<std::string> expected_;
  Hashes python_hashes_, our_hashes_;
  std::vector<Verdict> sample_checks_, chunk_checks_;
  CompareResult out_;
};

}  // namespace

std::vector<std::string> comparator_arguments(const CompareOptions& options) {
  std::vector<std::string> out = {options.python_report.string(), options.our_report.string()};
  if (options.strict_stage_tolerances) out.emplace_back("--strict-stage-tolerances");
  if (options.strict_current_python) out.emplace_back("--strict-current-python");
  if (options.strict_reference) out.emplace_back("--strict-reference");
  out.emplace_back("--top-diffs");
  out.push_back(fmt::format("{}", options.top_diffs));
  return out;
}

Result<CompareResult> compare_parity_reports(const CompareOptions& options) {
  return Comparator(options).run();
}

Json compare_summary(const CompareOptions& options, const CompareResult& result, int exit_status,
                     double elapsed_ms) {
  const std::string& text = result.text;
  const size_t begin = text.size() > kTailBytes ? text.size() - kTailBytes : 0;
  return {{"schema_version", 1},
          {"exit_status", exit_status},
          {"ok", exit_status == 0},
          {"wrapper_options",
           {{"strict_stage_tolerances", options.strict_stage_tolerances},
            {"strict_current_python", options.strict_current_python},
            {"strict_reference", options.strict_reference},
            {"top_diffs", options.top_diffs}}},
          {"comparator_args", comparator_arguments(options)},
          {"python_report", options.python_report.string()},
          {"elixir_report", options.our_report.string()},
          {"duration_ms", static_cast<int64_t>(std::llround(elapsed_ms))},
          {"stdout_tail", text.substr(begin)},
          {"stderr_tail", nullptr}};
}

}  // namespace trinity::interchange
