#include "bundle/python_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "adapt/tensor_naming.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/bundle_writer.h"
#include "bundle/checkpoint_check.h"
#include "bundle/tensor_file.h"
#include "tensor/checkpoint.h"
#include "tensor/float_cast.h"
#include "tensor/safetensors.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kImporter = "TrinityCoordinator.Sakana.PythonImporter";
constexpr const char* kExportBackend = "python_semantic_importer_elixir_nx";
constexpr const char* kBaseModel = "Qwen/Qwen3-0.6B";
/// Not in the reference's manifests: ties a resumed import to the files it began with.
constexpr const char* kSourcesHash = "components_bundle_sha256";

tl::unexpected<Error> reconstruct_error(const std::string& source, const Error& cause) {
  return fail(
      cause.kind, "reconstruct_error",
      fmt::format("failed to reconstruct {}: {}: {}", excerpt(source), cause.tag, cause.message));
}

Result<SafetensorsFile> open_file(const fs::path& path) {
  auto file = SafetensorsFile::open(path);
  if (file) return file;
  return fail(file.error().kind, "safetensors_read_error",
              fmt::format("safetensors_read_error({}): {}", excerpt(path.string(), 1024),
                          excerpt(file.error().message, 2048)));
}

Result<TensorView> component(const SafetensorsFile& file, const std::string& key) {
  if (file.find(key) == nullptr)
    return fail(ErrorKind::invalid_input, "missing_component",
                fmt::format("{} has no tensor {}; write the components again", file.path().string(),
                            excerpt(key)));
  return file.tensor(key);
}

/// One tensor that is going to be imported.
struct ImportTensor {
  std::string source_name;
  Components components;
  const SafetensorsFile* file = nullptr;  // that holds U; its pages are let go as rows are done
  DType dtype = DType::f32;               // of the bundle
  bool transposed = false;                // the bundle holds Rᵀ
};

/// Everything that is read and known before the first byte is written.
struct ImportPlan {
  PythonSources sources;
  std::unique_ptr<SafetensorsFile> components, scales;
  std::vector<ImportTensor> tensors;  // parallel to manifest.tensors
  std::vector<float> head;
  Manifest manifest;
};

struct Target {
  MatrixShape shape;
  DType dtype = DType::f32;
  bool verified = false;
};

/// Shape and type that the bundle's tensor must have.
Result<Target> target_of(const PythonEntry& entry, const MatrixShape& source_shape,
                         const Checkpoint* model) {
  if (model == nullptr) return Target{bundle_shape(entry.source_name, source_shape), DType::f32};
  const TensorInfo* info = model->find(entry.source_name);
  if (info == nullptr && entry.source_name == kLmHeadName) info = model->find(kEmbeddingName);
  if (info == nullptr || !info->dtype)
    return fail(ErrorKind::invalid_input, "missing_target_tensor",
                fmt::format("the base model {} has no tensor {}; use the model that the components "
                            "were made from",
                            model->folder().string(), excerpt(entry.source_name)));
  return Target{bundle_shape(entry.source_name, info->shape), *info->dtype, true};
}

Status read_tensor(ImportPlan& plan, const PythonEntry& entry, const Checkpoint* model,
                   int64_t& cursor) {
  ImportTensor tensor;
  tensor.source_name = entry.source_name;
  tensor.file = plan.components.get();
  Components& c = tensor.components;
  c.layout = entry.layout;
  TRINITY_TRY(c.u, component(*plan.components, entry.keys.u));
  TRINITY_TRY(c.s, component(*plan.components, entry.keys.s));
  TRINITY_TRY(c.v, component(*plan.components, entry.keys.v));
  TRINITY_TRY(c.offsets, component(*plan.scales, entry.keys.scale));
  TRINITY_CHECK(check_components(c));
  TRINITY_CHECK(scale_components(c));
  const MatrixShape shape = {c.rows(), c.columns()};
  const MatrixShape turned = {shape[1], shape[0]};
  if (!entry.shape.empty() && entry.shape != shape && entry.shape != turned)
    return fail(ErrorKind::invalid_input, "component_shape_mismatch",
                fmt::format("U and V make a matrix of shape {}, but the Python manifest says {}",
                            shape_text(shape), shape_text(entry.shape)));
  TRINITY_TRY(const Target target, target_of(entry, shape, model));
  tensor.dtype = target.dtype;
  TRINITY_TRY(tensor.transposed,
              transposed_in_bundle(entry.source_name, entry.path, shape, target.shape));

  ManifestTensor m;
  m.index = static_cast<int64_t>(plan.tensors.size()) + 1;
  m.path = m.artifact_key = entry.path;
  m.segments = path_segments(entry.path);
  m.source_name = entry.source_name;
  m.shape = target.shape;
  m.type = m.source_type = elixir_type(target.dtype);
  m.singular_values = c.rank();
  m.offset_start = entry.offset_start.value_or(cursor);
  m.offset_end = entry.offset_end.value_or(m.offset_start + c.rank());
  if (m.offset_start < 0 || m.offset_end - m.offset_start != c.rank())
    return fail(ErrorKind::invalid_input, "offset_span_mismatch",
                fmt::format("the Python manifest gives it the offsets {} to {}, but it has {} "
                            "singular values",
                            m.offset_start, m.offset_end, c.rank()));
  cursor = m.offset_end;
  m.checkpoint_path = checkpoint_file_name(m.index, m.path);
  m.component_keys = entry.keys;
  m.python_v_layout = v_layout_name(entry.layout);
  m.target_verified = target.verified;
  plan.manifest.tensors.push_back(std::move(m));
  plan.tensors.push_back(std::move(tensor));
  return {};
}

/// Zeros in `expected` stand for any size.
bool head_fits(std::span<const int64_t> shape, std::span<const int64_t> expected) {
  return shape.size() == 2 && expected.size() == 2 && shape[0] > 0 && shape[1] > 0 &&
         (expected[0] == 0 || shape[0] == expected[0]) &&
         (expected[1] == 0 || shape[1] == expected[1]);
}

Status read_head(ImportPlan& plan, const std::vector<int64_t>& expected) {
  TRINITY_TRY(const SafetensorsFile file, open_file(plan.sources.head));
  std::string key = plan.sources.head_key.value_or(kPythonHeadKey);
  if (file.find(key) == nullptr) {
    if (plan.sources.head_key || file.tensors().size() != 1)
      return fail(ErrorKind::invalid_input, "missing_router_head_tensor",
                  fmt::format("{} has no tensor {}; name the head's tensor in the manifest's "
                              "router_head_tensor",
                              file.path().string(), excerpt(key)));
    key = file.tensors().front().name;
  }
  TRINITY_TRY(const TensorView view, file.tensor(key));
  if (!head_fits(view.shape, expected))
    return fail(ErrorKind::invalid_input, "router_head_shape_mismatch",
                fmt::format("router_head_shape_mismatch({}, {}): the router head must have the "
                            "first shape (0 is any size), but {} has the second",
                            shape_text(expected), shape_text(view.shape), excerpt(key)));
  TRINITY_CHECK(require_finite(view, key));
  TRINITY_TRY(plan.head, to_f32(view));
  plan.manifest.router_head_shape = view.shape;
  return {};
}

/// The hash of all input: components, scales, head.
Result<std::string> sources_hash(const PythonSources& sources) {
  std::string joined;
  for (const fs::path& path : {sources.components, sources.scales, sources.head}) {
    TRINITY_TRY(const std::string hash, sha256_file(path));
    joined += (joined.empty() ? "" : ":") + hash;
  }
  return sha256_hex(joined);
}

std::optional<std::string> recorded_sources_hash(const Manifest& manifest) {
  const Json& hash = manifest.python_semantic_manifest[kSourcesHash];
  return hash.is_string() ? std::optional(hash.as_string()) : std::nullopt;
}

Status fill_manifest(ImportPlan& plan, const ImportOptions& options) {
  const PythonSources& sources = plan.sources;
  Manifest& m = plan.manifest;
  TRINITY_TRY(const std::string hash, sources_hash(sources));
  m.created_at = m.updated_at = utc_now();
  m.base_model_repo = !options.base_model_repo.empty()
                          ? options.base_model_repo
                          : provenance_path(sources.base_model.value_or(kBaseModel), options.root);
  m.export_backend = kExportBackend;
  m.importer = kImporter;
  m.python_manifest_path = provenance_path(sources.manifest, options.root);
  if (!options.reference.empty())
    m.reference_manifest_path = provenance_path(options.reference, options.root);
  m.source_vector_path = sources.vector_path.value_or("python_semantic_bundle");
  m.source_vector_tensor = sources.vector_tensor.value_or("python_semantic_components");
  m.source_vector_sha256 = sources.vector_sha256.value_or(hash);
  for (const ManifestTensor& tensor : m.tensors) {
    m.selected_singular_value_count += tensor.singular_values;
    m.scale_offset_count = std::max(m.scale_offset_count, tensor.offset_end);
  }
  m.source_vector_shape = sources.vector_shape;
  if (m.source_vector_shape.empty())
    m.source_vector_shape = {m.scale_offset_count + static_cast<int64_t>(plan.head.size())};
  m.python_semantic_manifest = sources.semantic_manifest;
  m.python_semantic_manifest[kSourcesHash] = hash;
  m.python_reference_manifest_loaded = sources.reference_loaded;
  m.producer = options.producer;
  m.producer_profile = options.profile;
  return {};
}

Result<ImportPlan> plan_import(const ImportOptions& options) {
  ImportPlan plan;
  TRINITY_TRY(plan.sources,
              read_python_sources(options.source, options.manifest_name, options.reference));
  TRINITY_TRY(SafetensorsFile components, open_file(plan.sources.components));
  TRINITY_TRY(SafetensorsFile scales, open_file(plan.sources.scales));
  plan.components = std::make_unique<SafetensorsFile>(std::move(components));
  plan.scales = std::make_unique<SafetensorsFile>(std::move(scales));
  std::optional<Checkpoint> model;
  if (!options.model.empty()) {
    auto opened = Checkpoint::open(options.model);
    if (!opened)
      return fail(opened.error().kind, "qwen_target_load_error",
                  fmt::format("qwen_target_load_error: {}", opened.error().message));
    model.emplace(std::move(*opened));
  }
  TRINITY_CHECK(read_head(plan, options.head_shape));
  int64_t cursor = 0;
  for (const PythonEntry& entry : plan.sources.entries) {
    const Status read = read_tensor(plan, entry, model ? &*model : nullptr, cursor);
    if (!read && read.error().tag == "missing_target_tensor") return tl::unexpected(read.error());
    if (!read) return reconstruct_error(entry.source_name, read.error());
  }
  TRINITY_CHECK(fill_manifest(plan, options));
  return plan;
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

/// R in the bundle's type, chunk by chunk in the order of its rows. The sink may not keep the
/// bytes.
using BytesSink = std::function<Status(std::span<const std::byte>)>;

Status reconstruct(Backend& backend, const ImportTensor& tensor, const BytesSink& sink,
                   const std::function<void(int64_t)>& on_rows) {
  TRINITY_TRY(const ComponentScaling scaling, scale_components(tensor.components));
  TRINITY_TRY(const ComponentProduct product,
              ComponentProduct::prepare(backend, tensor.components));
  std::vector<std::byte> bytes;
  const auto size = static_cast<size_t>(dtype_size(tensor.dtype));
  for (int64_t begin = 0; begin < product.rows(); begin += product.chunk_rows()) {
    const int64_t count = std::min(product.chunk_rows(), product.rows() - begin);
    TRINITY_TRY(const auto scaled, product.scaled_rows(begin, count, scaling.scaled_s));
    TRINITY_TRY(std::vector<float> values, product.multiply(scaled));
    scale_values(values, scaling.normalization);
    bytes.resize(values.size() * size);
    cast_from_f32(values, tensor.dtype, bytes.data());
    // Narrow types overflow before f32 does, so the stored numbers are looked at.
    TRINITY_TRY(const std::vector<float> stored,
                to_f32({tensor.dtype, {static_cast<int64_t>(values.size())}, bytes}));
    if (!all_finite(stored))
      return fail(ErrorKind::invalid_input, "non_finite_values",
                  fmt::format("rows {} to {} become NaN or infinite; the components are damaged",
                              begin, begin + count));
    TRINITY_CHECK(sink(bytes));
    tensor.file->mapped().advise_dontneed(0, tensor.file->mapped().size());
    on_rows(count);
  }
  return {};
}

class Importer {
 public:
  Importer(Backend& backend, const ImportOptions& options, const EventListener& listener,
           const ImportProgress& progress)
      : backend_(backend), options_(options), listener_(listener), progress_(progress) {}

  Result<ImportReport> run() {
    const Stopwatch watch;
    TRINITY_CHECK(require_f32_products(backend_));
    TRINITY_TRY(plan_, plan_import(options_));
    ImportReport report;
    out_.emplace(options_.out, plan_.manifest);
    TRINITY_CHECK(out_->prepare(options_.resume && !options_.force, options_.force));
    report.foreign_files = out_->foreign_files();
    if (out_->previous()) TRINITY_CHECK(take_over());
    for (const ImportTensor& tensor : plan_.tensors) rows_total_ += tensor.components.rows();
    event("python_import_started",
          {{"tensors", plan_.tensors.size()}, {"backend", backend_.info().label}});
    if (Status done = import_all(report); !done) {
      out_->fail();
      return tl::unexpected(std::move(done.error()));
    }
    report.manifest = out_->manifest();
    report.total_ms = watch.elapsed_ms();
    event("python_import_finished", {{"status", report.manifest.status},
                                     {"imported", report.imported},
                                     {"skipped", report.skipped}});
    return report;
  }

 private:
  void event(const std::string& name, const Json& fields) const {
    if (listener_) listener_(name, fields);
  }
  Json entry_fields(size_t place) const {
    const ManifestTensor& entry = out_->entry(place);
    return {{"index", entry.index}, {"source_name", entry.source_name}, {"path", entry.path}};
  }
  void advance(int64_t rows) {
    rows_done_ += rows;
    if (progress_) progress_(static_cast<uint64_t>(rows_done_), static_cast<uint64_t>(rows_total_));
  }

  HeadMatrix head() const {
    const auto& shape = out_->manifest().router_head_shape;
    return {plan_.head, shape[0], shape[1]};
  }

  /// A bundle that is whole already is left as it is.
  Status import_all(ImportReport& report) {
    TRINITY_CHECK(out_->begin("partial"));
    for (size_t place = 0; place < plan_.tensors.size(); ++place) {
      if (out_->entry(place).status == TensorStatus::complete) {
        ++report.skipped;
        advance(plan_.tensors[place].components.rows());
        event("python_import_tensor_skipped", entry_fields(place));
      } else {
        TRINITY_CHECK(import_tensor(place));
        ++report.imported;
      }
    }
    return out_->whole() ? Status() : finish();
  }

  /// What an earlier import of the same input finished.
  Status take_over() {
    const Manifest& previous = *out_->previous();
    if (!previous.importer ||
        recorded_sources_hash(previous) != recorded_sources_hash(plan_.manifest))
      return fail(ErrorKind::usage, "python_importer_exception",
                  fmt::format("existing manifest identity mismatch: {} was not made from these "
                              "components; use --force to rebuild artifacts",
                              options_.out.string()));
    Status resumed = out_->take_over();
    if (!resumed) resumed.error().tag = "python_importer_exception";
    if (resumed) out_->keep_if_whole(head());
    return resumed;
  }

  Status import_tensor(size_t place) {
    ManifestTensor entry = out_->entry(place);
    event("python_import_tensor_started", entry_fields(place));
    Status written = write_tensor(plan_.tensors[place], entry);
    if (!written) {
      out_->fail_tensor(place, written.error());
      if (written.error().tag == "checkpoint_write_error") return written;
      return reconstruct_error(entry.source_name, written.error());
    }
    entry.status = TensorStatus::complete;
    entry.backend_label = entry.adapted_backend = backend_.info().label;
    TRINITY_CHECK(out_->set(place, entry));
    Json fields = entry_fields(place);
    fields["checkpoint_path"] = entry.checkpoint_path;
    fields["sha256"] = *entry.checkpoint_sha256;
    event("python_import_tensor_checkpoint_written", fields);
    return {};
  }

  Status write_tensor(const ImportTensor& tensor, ManifestTensor& entry) {
    const auto writing = [](Error error) {
      return fail(error.kind, "checkpoint_write_error", std::move(error.message));
    };
    auto path = resolve_inside(options_.out, entry.checkpoint_path);
    if (!path) return writing(std::move(path.error()));
    auto file = TensorFile::create(*path, {entry.artifact_key, tensor.dtype, entry.shape});
    if (!file) return writing(std::move(file.error()));
    std::vector<std::byte> whole;  // of a matrix that has to be turned
    const auto sink = [&](std::span<const std::byte> bytes) -> Status {
      if (tensor.transposed) {
        whole.insert(whole.end(), bytes.begin(), bytes.end());
        return {};
      }
      Status appended = file->append(bytes);
      return appended ? appended : writing(std::move(appended.error()));
    };
    TRINITY_CHECK(reconstruct(backend_, tensor, sink, [this](int64_t rows) { advance(rows); }));
    if (tensor.transposed) {
      std::vector<std::byte> turned(whole.size());
      transpose_elements(whole.data(), tensor.components.rows(), tensor.components.columns(),
                         static_cast<size_t>(dtype_size(tensor.dtype)), turned.data());
      if (Status appended = file->append(turned); !appended)
        return writing(std::move(appended.error()));
    }
    auto hash = file->finish();
    if (!hash) return writing(std::move(hash.error()));
    entry.checkpoint_sha256 = std::move(*hash);
    return {};
  }

  /// The head, then the manifest that says so.
  Status finish() {
    event("python_import_write_started", {{"head", kHeadFile}});
    std::string ignored;
    TRINITY_CHECK(out_->head(head(), true, ignored));
    TRINITY_CHECK(out_->finish(true));
    event("python_import_write_finished", {{"head_sha256", *out_->manifest().router_head_sha256}});
    return {};
  }

  Backend& backend_;
  const ImportOptions& options_;
  const EventListener& listener_;
  const ImportProgress& progress_;
  ImportPlan plan_;
  std::optional<BundleWriter> out_;
  int64_t rows_done_ = 0, rows_total_ = 0;
};

}  // namespace

Result<ImportReport> import_python_components(Backend& backend, const ImportOptions& options,
                                              const EventListener& listener,
                                              const ImportProgress& progress) {
  return Importer(backend, options, listener, progress).run();
}

}  // namespace trinity
