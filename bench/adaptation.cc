// export: a whole adaptation, against the three matrix products that it cannot do without (Gram,
// factor, rows times factor), which are run alone through the same backend in the same run.
//
// load: a new process from its start to its first decision with each form of adaptation.
//
// The router vector is random; without a model folder a small random model is made.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <random>

#include "adapt/adapter.h"
#include "backend_registry/registry.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"
#include "bench/process.h"
#include "bundle/exporter.h"
#include "model/synth.h"
#include "router/profile.h"
#include "tensor/npy.h"

namespace trinity::bench {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kAgents = 7, kRoles = 3;
constexpr int64_t kChunkRows = 4096;

/// A folder that goes away with its owner.
class WorkFolder {
 public:
  WorkFolder() : path_(fs::temp_directory_path() / fmt::format("trinity-bench-{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

constexpr const char* kSmallModel =
    R"({"model_type":"qwen3","hidden_size":128,"intermediate_size":384,"num_hidden_layers":3,)"
    R"("num_attention_heads":4,"num_key_value_heads":2,"head_dim":64,"vocab_size":8192,)"
    R"("max_position_embeddings":512,"rms_norm_eps":1e-6,"rope_theta":1000000,)"
    R"("tie_word_embeddings":true})";

/// Offsets of the released vector's spread, then a head.
Status write_random_vector(const fs::path& path, int64_t offsets, int64_t hidden) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, 0.097);
  std::vector<double> values(static_cast<size_t>(offsets + (kAgents + kRoles) * hidden));
  for (double& value : values) value = normal(random);
  return write_npy(
      path, {DType::f64, {static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values))});
}

struct Bed {
  WorkFolder folder;
  bundle::ExportOptions options;
  router::RuntimeProfile profile;
  int64_t layer = 0;
  Params params;
};

Status prepare(const BenchOptions& options, Bed& bed) {
  TRINITY_TRY(bed.profile, router::resolve_profile(options.profile));
  bed.options.model = options.model;
  if (options.model.empty()) {
    bed.options.model = bed.folder / "model";
    TRINITY_TRY(const model::SynthReport made,
                model::synthesize_model(kSmallModel, 7, bed.options.model));
    static_cast<void>(made);
  }
  TRINITY_TRY(const model::ModelConfig config, model::load_model_config(bed.options.model));
  bed.layer = std::max<int64_t>(0, config.num_hidden_layers - 2);
  bed.options.layers = {bed.layer};
  bed.options.vector = bed.folder / "vector.npy";
  bed.options.profile = bed.profile.name;
  TRINITY_TRY(const Checkpoint checkpoint, Checkpoint::open(bed.options.model));
  TRINITY_TRY(const adapt::Selection selection,
              adapt::select_tensors(checkpoint, config, bed.options.layers));
  TRINITY_CHECK(
      write_random_vector(bed.options.vector, selection.scale_count(), config.hidden_size));
  bed.params = {{"model", json_string(options.model.empty() ? "small random"
                                                            : options.model.filename().string())},
                {"profile", json_string(bed.profile.name)},
                {"tensors", std::to_string(selection.tensors.size())}};
  return {};
}

/// Milliseconds of the products alone: for every tensor its factor and rows times factor, for every
/// base matrix its Gram matrix. Decompositions are made, but not on the clock.
Result<double> products_ms(backend::Backend& backend, const bundle::ExportPlan& plan) {
  backend::DenseAlgebra& algebra = *backend.dense_algebra();
  const model::CheckpointSource source(plan.checkpoint);
  std::map<std::string, backend::SymmetricEigen> decomposed;
  double total = 0;
  for (const adapt::SelectedTensor& tensor : plan.selection.tensors) {
    TRINITY_TRY(const TensorView view, adapt::base_matrix(source, tensor));
    TRINITY_TRY(const adapt::TallMatrix matrix, adapt::TallMatrix::of(view));
    const int64_t k = matrix.columns();
    if (!decomposed.contains(tensor.stored_name)) {
      const Stopwatch watch;
      TRINITY_TRY(std::vector<double> gram, algebra.gram(matrix.view()));
      TRINITY_CHECK(backend.synchronize());
      total += watch.elapsed_ms();
      TRINITY_TRY(decomposed[tensor.stored_name], algebra.symmetric_eigen(std::move(gram), k));
    }
    const std::vector<double> diagonal(static_cast<size_t>(k), 1.0);
    const Stopwatch watch;
    TRINITY_TRY(const std::vector<double> factor,
                algebra.spectral_matrix(decomposed[tensor.stored_name], diagonal));
    TRINITY_TRY(const backend::Weight prepared, algebra.prepare_factor(factor, k));
    TRINITY_CHECK(adapt::project_rows(algebra, matrix.view(), prepared, kChunkRows,
                                      [](int64_t, std::vector<std::byte>&) { return Status(); }));
    TRINITY_CHECK(backend.synchronize());
    total += watch.elapsed_ms();
  }
  return total;
}

Result<double> export_ms(backend::Backend& backend, bundle::ExportOptions options) {
  const Stopwatch watch;
  TRINITY_TRY(const std::unique_ptr<bundle::ExportPlan> plan, bundle::plan_export(options));
  TRINITY_TRY(const bundle::BundleReport report,
              bundle::run_export(backend, options, *plan, {}, {}));
  static_cast<void>(report);
  return watch.elapsed_ms();
}

Status measure_export(const BenchOptions& options, Bed& bed, const BenchSink& sink) {
  TRINITY_TRY(const std::unique_ptr<backend::Backend> backend,
              backend::create_backend(bed.profile.backend, {options.threads}));
  if (backend->dense_algebra() == nullptr)
    return fail(ErrorKind::unsupported, "operation_unsupported",
                fmt::format("profile {} cannot decompose matrices", bed.profile.name));
  TRINITY_TRY(const std::unique_ptr<bundle::ExportPlan> plan, bundle::plan_export(bed.options));
  struct Form {
    const char* name;
    bool compact, merge;
    Samples samples;
  };
  std::vector<Form> forms = {{"export", false, false, {}},
                             {"export-merged", false, true, {}},
                             {"export-compact", true, false, {}}};
  Samples products;
  const int runs = options.runs > 0 ? options.runs : options.short_mode ? 1 : 3;
  for (int run = 0; run < runs; ++run) {
    TRINITY_TRY(const double alone, products_ms(*backend, *plan));
    products.add(alone);
    for (Form& form : forms) {
      bundle::ExportOptions once = bed.options;
      once.out = bed.folder / fmt::format("{}-{}", form.name, run);
      once.compact = form.compact;
      once.merge = form.merge;
      TRINITY_TRY(const double whole, export_ms(*backend, once));
      form.samples.add(whole);
      std::error_code ignored;
      fs::remove_all(once.out, ignored);
    }
  }
  report(sink, "export-products", bed.params, "ms", products);
  for (const Form& form : forms) report(sink, form.name, bed.params, "ms", form.samples);
  return {};
}

Status measure_load(const BenchOptions& options, Bed& bed, const BenchSink& sink) {
  TRINITY_TRY(const std::unique_ptr<backend::Backend> backend,
              backend::create_backend(bed.profile.backend, {options.threads}));
  bundle::ExportOptions full = bed.options, compact = bed.options;
  full.out = bed.folder / "full";
  compact.out = bed.folder / "compact";
  compact.compact = true;
  for (const bundle::ExportOptions* form : {&full, &compact}) {
    TRINITY_TRY(const double ignored, export_ms(*backend, *form));
    static_cast<void>(ignored);
  }
  const std::vector<std::string> common = {
      "trinity",        "route",  "--model", bed.options.model.string(),           "--profile",
      bed.profile.name, "--json", "--input", (bed.folder / "input.jsonl").string()};
  TRINITY_CHECK(write_file_atomic(bed.folder / "input.jsonl",
                                  std::string_view("{\"ids\":[1,2,3,4,5,6,7,8]}\n")));
  const std::string layer = std::to_string(bed.layer);
  const std::vector<std::pair<std::string, std::vector<std::string>>> forms = {
      {"bundle", {"--bundle", full.out.string()}},
      {"compact bundle", {"--bundle", compact.out.string()}},
      {"vector", {"--vector", bed.options.vector.string(), "--layers", layer}}};
  const int runs = options.runs > 0 ? options.runs : options.short_mode ? 1 : 5;
  for (const auto& [name, flags] : forms) {
    std::vector<std::string> arguments = common;
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    Samples wall, memory;
    for (int run = 0; run <= runs; ++run) {
      TRINITY_TRY(const ProcessRun process, run_process(arguments));
      if (run == 0) continue;  // fills the page cache, and the vector's own cache
      wall.add(process.milliseconds);
      memory.add(process.peak_megabytes);
    }
    Params params = bed.params;
    params.emplace_back("form", json_string(name));
    report(sink, "load", params, "ms", wall);
    report(sink, "load-peak-memory", params, "MiB", memory);
  }
  return {};
}

}  // namespace

Status run_adaptation(const BenchOptions& options, const std::set<std::string>& wanted,
                      const BenchSink& sink) {
  Bed bed;
  TRINITY_CHECK(prepare(options, bed));
  if (wanted.contains("export")) TRINITY_CHECK(measure_export(options, bed, sink));
  if (wanted.contains("load")) TRINITY_CHECK(measure_load(options, bed, sink));
  return {};
}

}  // namespace trinity::bench
