#include "interchange/python_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/stopwatch.h"
#include "base/try.h"
#include "bundle/bundle_paths.h"
#include "bundle/bundle_writer.h"
#include "bundle/checkpoint_check.h"
#include "bundle/tensor_file.h"
#include "interchange/components.h"
#include "interchange/python_import_plan.h"
#include "tensor/float_cast.h"

namespace trinity::interchange {
namespace {

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

/// R in the bundle's type, chunk by chunk in the order of its rows. The sink may not keep the
/// bytes.
using BytesSink = std::function<Status(std::span<const std::byte>)>;

Status reconstruct(backend::Backend& backend, const ImportTensor& tensor, const BytesSink& sink,
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
  Importer(backend::Backend& backend, const ImportOptions& options,
           const bundle::EventListener& listener, const bundle::WorkProgress& progress)
      : backend_(backend), options_(options), listener_(listener), progress_(progress) {}

  Result<bundle::BundleReport> run() {
    const Stopwatch watch;
    TRINITY_CHECK(require_f32_products(backend_));
    TRINITY_TRY(plan_, plan_import(options_));
    bundle::BundleReport report;
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
    event("python_import_finished", {{"status", report.manifest.progress.status},
                                     {"imported", report.written},
                                     {"skipped", report.kept}});
    return report;
  }

 private:
  void event(const std::string& name, const Json& fields) const {
    if (listener_) listener_(name, fields);
  }
  Json entry_fields(size_t place) const {
    const bundle::ManifestTensor& entry = out_->entry(place);
    return {{"index", entry.index}, {"source_name", entry.source_name}, {"path", entry.path}};
  }
  void advance(int64_t rows) {
    rows_done_ += rows;
    if (progress_) progress_(static_cast<uint64_t>(rows_done_), static_cast<uint64_t>(rows_total_));
  }

  route::HeadMatrix head() const {
    const auto& shape = out_->manifest().head.shape;
    return {plan_.head, shape[0], shape[1]};
  }

  /// A bundle that is whole already is left as it is.
  Status import_all(bundle::BundleReport& report) {
    TRINITY_CHECK(out_->begin("partial"));
    for (size_t place = 0; place < plan_.tensors.size(); ++place) {
      if (out_->entry(place).complete()) {
        ++report.kept;
        advance(plan_.tensors[place].components.rows());
        event("python_import_tensor_skipped", entry_fields(place));
      } else {
        TRINITY_CHECK(import_tensor(place));
        ++report.written;
      }
    }
    return out_->whole() ? Status() : finish();
  }

  /// What an earlier import of the same input finished.
  Status take_over() {
    const bundle::Manifest& previous = *out_->previous();
    if (!previous.imported.importer ||
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
    bundle::ManifestTensor entry = out_->entry(place);
    event("python_import_tensor_started", entry_fields(place));
    Status written = write_tensor(plan_.tensors[place], entry);
    if (!written) {
      out_->fail_tensor(place, written.error());
      if (written.error().tag == "checkpoint_write_error") return written;
      return reconstruct_error(entry.source_name, written.error());
    }
    entry.status = bundle::TensorStatus::complete;
    entry.made.backend_label = entry.made.adapted_backend = backend_.info().label;
    TRINITY_CHECK(out_->record(place, entry));
    Json fields = entry_fields(place);
    fields["checkpoint_path"] = entry.checkpoint_path;
    fields["sha256"] = *entry.checkpoint_sha256;
    event("python_import_tensor_checkpoint_written", fields);
    return {};
  }

  Status write_tensor(const ImportTensor& tensor, bundle::ManifestTensor& entry) {
    const auto writing = [](Error error) {
      return fail(error.kind, "checkpoint_write_error", std::move(error.message));
    };
    auto path = bundle::resolve_inside(options_.out, entry.checkpoint_path);
    if (!path) return writing(std::move(path.error()));
    auto file = bundle::TensorFile::create(*path, {entry.artifact_key, tensor.dtype, entry.shape});
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
    event("python_import_write_started", {{"head", bundle::kHeadFile}});
    std::string ignored;
    TRINITY_CHECK(out_->head(head(), true, ignored));
    TRINITY_CHECK(out_->finish(true));
    event("python_import_write_finished", {{"head_sha256", *out_->manifest().head.sha256}});
    return {};
  }

  backend::Backend& backend_;
  const ImportOptions& options_;
  const bundle::EventListener& listener_;
  const bundle::WorkProgress& progress_;
  ImportPlan plan_;
  std::optional<bundle::BundleWriter> out_;
  int64_t rows_done_ = 0, rows_total_ = 0;
};

}  // namespace

Result<bundle::BundleReport> import_python_components(backend::Backend& backend,
                                                      const ImportOptions& options,
                                                      const bundle::EventListener& listener,
                                                      const bundle::WorkProgress& progress) {
  return Importer(backend, options, listener, progress).run();
}

}  // namespace trinity::interchange
