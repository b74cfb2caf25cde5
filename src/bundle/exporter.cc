#include "bundle/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "adapt/adapted_source.h"
#include "base/json_value.h"
#include "base/sha256.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "bundle/background_writer.h"
#include "bundle/bundle_writer.h"
#include "bundle/checkpoint_check.h"
#include "bundle/export_merge.h"
#include "bundle/export_resume.h"
#include "bundle/export_work.h"
#include "bundle/tensor_file.h"
#include "tensor/float_cast.h"

namespace trinity::bundle {
namespace {

constexpr int64_t kChunkRows = 4096;
/// Finished rows that may wait for the disk; most of an embedding, so that the next tensors can be
/// decomposed meanwhile.
constexpr size_t kQueuedBytes = size_t{512} << 20;

int64_t whole_ms(double ms) { return std::llround(ms); }

/// Gives an error the tag of the stage it happened in, as reports name it.
tl::unexpected<Error> in_stage(const char* stage, Error error) {
  error.message = error.tag + ": " + error.message;
  error.tag = stage;
  return tl::unexpected(std::move(error));
}

class Exporter {
 public:
  Exporter(backend::Backend& backend, backend::DenseAlgebra& algebra, const ExportOptions& options,
           ExportPlan& plan, const EventListener& listener, const WorkProgress& progress)
      : backend_(backend),
        algebra_(algebra),
        options_(options),
        plan_(plan),
        out_(options.out, plan.manifest),
        source_(plan.checkpoint),
        adapter_(algebra, source_, plan.selection, plan.parts.offsets, options.adaptation),
        log_(listener),
        progress_(progress),
        work_(plan.selection, options.only_index),
        writer_(kQueuedBytes) {}

  Result<BundleReport> run() {
    const Stopwatch watch;
    auto done = steps();
    if (!done) {
      const std::lock_guard lock(mutex_);
      out_.fail();
      if (out_.prepared()) log_.open(options_.out);
      log_.write("export_failed", {{"reason", done.error().message}});
      return tl::unexpected(std::move(done.error()));
    }
    report_.foreign_files = out_.foreign_files();
    report_.manifest = out_.manifest();
    report_.total_ms = watch.elapsed_ms();
    log_.write("export_finished", {{"status", report_.manifest.progress.status}});
    return std::move(report_);
  }

 private:
  Status steps() {
    TRINITY_CHECK(out_.prepare(options_.resume, options_.force));
    log_.write("export_started", {{"options", options_document(options_)}});
    if (out_.previous()) TRINITY_CHECK(take_over());
    const bool changes = !out_.whole() || changes_layout();
    if (changes) log_.open(options_.out);
    TRINITY_CHECK(out_.begin("pending"));
    TRINITY_CHECK(export_head());
    if (changes && options_.merge && !options_.compact && !options_.only_index)
      TRINITY_CHECK(open_merged());
    for (const size_t place : order_of_work(plan_.selection)) {
      if (options_.only_index && *options_.only_index != static_cast<int64_t>(place) + 1) continue;
      // An earlier tensor's write may fail while this one is computed; that error comes first.
      if (Status status = tensor(place); !status) {
        TRINITY_CHECK(writer_.wait());
        return status;
      }
    }
    TRINITY_CHECK(writer_.wait());
    TRINITY_CHECK(flush_checkpoints());
    return finalise();
  }

  /// What an earlier run finished.
  Status take_over() {
    if (options_.base_model_repo.empty()) adopt_base_name(*out_.previous(), out_.manifest());
    TRINITY_CHECK(out_.take_over());
    TRINITY_CHECK(require_same_base(out_.manifest(), plan_.selection, source_, source_hashes_));
    if (options_.skip_existing) out_.keep_if_whole(head());
    return {};
  }

  /// Whether a whole bundle gets or loses its merged file.
  bool changes_layout() const {
    const bool merged = out_.manifest().adapted.layout == ArtifactLayout::single_file;
    return !options_.only_index && !options_.compact && options_.merge != merged;
  }

  /// A file is renamed when its bytes are handed to the system, so a killed run loses no finished
  /// tensor; only here, before the bundle may be called complete, must the disk have them. After a
  /// power cut in between, a resumed run finds damaged files by their hashes.
  Status flush_checkpoints() {
    for (const auto& file : published_)
      if (Status flushed = file->flush(); !flushed)
        return in_stage("checkpoint_write_error", std::move(flushed.error()));
    published_.clear();
    return {};
  }

  // ---- head ----

  route::HeadMatrix head() const {
    return {plan_.parts.head, plan_.parts.outputs, plan_.parts.hidden};
  }

  Status export_head() {
    const std::string path = (options_.out / out_.manifest().head.file).string();
    std::string reason;
    TRINITY_TRY(const auto state, out_.head(head(), options_.skip_existing, reason));
    if (state == BundleWriter::HeadState::kept) {
      log_.write("router_head_skipped", {{"path", path}, {"status", "valid"}});
      return {};
    }
    if (state == BundleWriter::HeadState::rewritten)
      log_.write("router_head_rewrite", {{"path", path}, {"reason", reason}});
    log_.write("router_head_export_complete",
               {{"path", path}, {"sha256", *out_.manifest().head.sha256}});
    return {};
  }

  // ---- one tensor ----

  /// A tensor on its way: computed by the caller's thread, written and recorded by the writer's.
  struct InFlight {
    size_t place = 0;
    ManifestTensor entry;  // what the manifest will say once the file is there
    std::shared_ptr<TensorFile> file;
  };

  Status tensor(size_t place) {
    const adapt::SelectedTensor& selected = plan_.tensor(place);
    auto flight = std::make_shared<InFlight>();
    flight->place = place;
    {
      const std::lock_guard lock(mutex_);
      if (const ManifestTensor& entry = out_.entry(place);
          entry.complete() && options_.skip_existing) {
        log_.write("tensor_skipped",
                   {{"path", entry.path}, {"index", entry.index}, {"index_total", out_.total()}});
        ++report_.kept;
        advance_locked(ExportWork::product(selected) + work_.decomposition_once(selected));
        return {};
      }
      flight->entry = plan_.manifest.tensors[place];
      out_.start(place, flight->entry);
      log_.write(
          "tensor_export_started",
          {{"index", flight->entry.index}, {"total", out_.total()}, {"path", flight->entry.path}});
    }
    Status status = compute(flight);
    if (!status) tensor_failed(place, status.error());
    return status;
  }

  void tensor_failed(size_t place, const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!out_.fail_tensor(place, error)) return;  // what failed first is told
    const ManifestTensor& entry = out_.entry(place);
    log_.write("tensor_export_failed",
               {{"index", entry.index}, {"path", entry.path}, {"reason", error.message}});
  }

  Status compute(const std::shared_ptr<InFlight>& flight) {
    const adapt::SelectedTensor& selected = plan_.tensor(flight->place);
    ManifestTensor& entry = flight->entry;
    Stopwatch watch;
    auto factor = adapter_.factor(flight->place);
    if (!factor) return in_stage("decompose_error", std::move(factor.error()));
    TRINITY_CHECK(backend_.synchronize());
    advance(work_.decomposition_once(selected));
    entry.made.decompose_elapsed_ms = whole_ms(factor->decompose_ms + factor->factor_ms);
    watch.restart();
    TRINITY_CHECK(hash_source(selected));
    TRINITY_TRY(flight->file, open_checkpoint(entry));
    const Status done =
        options_.compact ? write_factor(flight, *factor) : write_product(flight, *factor);
    if (!done) return in_stage("reconstruct_error", done.error());
    TRINITY_CHECK(backend_.synchronize());
    entry.made.reconstruct_elapsed_ms = whole_ms(watch.elapsed_ms());
    record_making(entry, selected, *factor, out_.manifest().adapted.layout, backend_.info().label);
    return write_behind(flight, [this, flight] { return complete(*flight); });
  }

  /// Queues work for a tensor on the writer's thread, where a failure is recorded as the tensor's.
  Status write_behind(const std::shared_ptr<InFlight>& flight, std::function<Status()> work,
                      size_t bytes = 0) {
    return writer_.submit(
        [this, flight, work = std::move(work)]() -> Status {
          Status status = work();
          if (status) return status;
          Error error = in_stage("checkpoint_write_error", std::move(status.error())).value();
          tensor_failed(flight->place, error);
          return tl::unexpected(std::move(error));
        },
        bytes);
  }

  /// The payload is written: the file gets its name and the manifest its entry.
  Status complete(InFlight& flight) {
    TRINITY_TRY(flight.entry.checkpoint_sha256, flight.file->publish());
    published_.push_back(flight.file);
    if (merged_) TRINITY_CHECK(merged_->advance_hash());
    flight.entry.measured.source_sha256 = source_hashes_[plan_.tensor(flight.place).stored_name];
    flight.entry.status = TensorStatus::complete;
    const std::lock_guard lock(mutex_);
    const ManifestTensor& entry = flight.entry;
    TRINITY_CHECK(out_.record(flight.place, entry));
    ++report_.written;
    log_.write("tensor_export_progress", {{"index", entry.index},
                                          {"path", entry.path},
                                          {"decompose_ms", *entry.made.decompose_elapsed_ms},
                                          {"reconstruct_ms", *entry.made.reconstruct_elapsed_ms}});
    log_.write("tensor_export_finished", {{"index", entry.index}, {"path", entry.path}});
    return {};
  }

  /// Once for each base matrix: a tied one is stored once and adapted twice.
  Status hash_source(const adapt::SelectedTensor& selected) {
    TRINITY_TRY(const TensorView view, source_.tensor(selected.stored_name));
    return writer_.submit([this, view, name = selected.stored_name]() -> Status {
      if (std::string& hash = source_hashes_[name]; hash.empty()) hash = sha256_hex(view.bytes);
      return {};
    });
  }

  using Payload = std::shared_ptr<const std::vector<std::byte>>;

  Status write_payload(const std::shared_ptr<InFlight>& flight, Payload payload) {
    const size_t size = payload->size();
    return write_behind(
        flight,
        [this, flight, payload = std::move(payload)]() -> Status {
          TRINITY_CHECK(flight->file->append(*payload));
          return merged_ ? merged_->append(flight->entry.artifact_key, *payload) : Status();
        },
        size);
  }

  /// A compact bundle's file: the factor in f32, as the row products will use it.
  Status write_factor(const std::shared_ptr<InFlight>& flight, const adapt::TensorFactor& factor) {
    const std::vector<float> values(factor.projector.begin(), factor.projector.end());
    const auto bytes = std::as_bytes(std::span(values));
    advance(ExportWork::product(plan_.tensor(flight->place)));
    return write_payload(
        flight, std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end()));
  }

  Status write_product(const std::shared_ptr<InFlight>& flight, const adapt::TensorFactor& factor) {
    const adapt::SelectedTensor& selected = plan_.tensor(flight->place);
    TRINITY_TRY(const TensorView matrix, adapt::base_matrix(source_, selected));
    // Layer kernels are turned around for a bundle, square ones too.
    const bool turned = adapt::block_index(selected.source_name).has_value();
    if (turned || matrix.shape[0] < matrix.shape[1]) {
      TRINITY_TRY(std::vector<std::byte> product,
                  adapt::project_matrix(algebra_, matrix, factor.projector, turned));
      advance(ExportWork::product(selected));
      return write_payload(flight,
                           std::make_shared<const std::vector<std::byte>>(std::move(product)));
    }
    TRINITY_TRY(const backend::Weight prepared,
                algebra_.prepare_factor(factor.projector, matrix.shape[1]));
    return adapt::project_rows(
        algebra_, matrix, prepared, kChunkRows,
        [&](int64_t /*row*/, std::vector<std::byte>& rows) -> Status {
          const double share =
              static_cast<double>(rows.size()) / static_cast<double>(matrix.bytes.size());
          advance(static_cast<std::uint64_t>(share *
                                             static_cast<double>(ExportWork::product(selected))));
          return write_payload(
              flight, std::make_shared<const std::vector<std::byte>>(std::exchange(rows, {})));
        });
  }

  Result<std::shared_ptr<TensorFile>> open_checkpoint(const ManifestTensor& entry) {
    auto file = TensorFile::create(options_.out / entry.checkpoint_path,
                                   expected_tensor(entry, out_.manifest().adapted.layout));
    if (!file) return in_stage("checkpoint_write_error", std::move(file.error()));
    return std::make_shared<TensorFile>(std::move(*file));
  }

  /// Events and progress are told one at a time, whichever thread they come from.
  void advance(std::uint64_t work) {
    const std::lock_guard lock(mutex_);
    advance_locked(work);
  }
  void advance_locked(std::uint64_t work) {
    done_work_ += work;
    if (progress_) progress_(done_work_, work_.total());
  }

  // ---- the end ----

  Status open_merged() {
    auto merged = create_merged_file(options_.out, out_.manifest());
    if (!merged) return in_stage("adapted_merge_error", std::move(merged.error()));
    merged_.emplace(std::move(*merged));
    return {};
  }

  Status finalise() {
    const Json completed = {{"completed", out_.manifest().completed()}};
    if (out_.whole() && !changes_layout()) {
      log_.write("manifest_complete", completed);
      return {};
    }
    if (options_.only_index || out_.manifest().completed() < out_.total()) {
      TRINITY_CHECK(out_.finish(false));
      if (options_.only_index)
        log_.write("manifest_partial_only_index", {{"only_index", *options_.only_index}});
      log_.write("manifest_partial",
                 {{"completed", out_.manifest().completed()}, {"total", out_.total()}});
      return {};
    }
    Manifest& manifest = out_.manifest();
    manifest.base.sha256 = base_tensors_sha256(plan_.selection, manifest);
    if (merged_) {
      if (Status merged = finish_merge(); !merged) {
        log_.write("artifact_merge_failed",
                   {{"path", manifest.adapted.file}, {"reason", merged.error().message}});
        return in_stage("adapted_merge_error", std::move(merged.error()));
      }
    } else {
      // An earlier run's merged file is no part of this.
      manifest.adapted.sha256.reset();
      manifest.adapted.layout = plan_.manifest.adapted.layout;
    }
    TRINITY_CHECK(out_.finish(true));
    log_.write("manifest_complete", completed);
    return {};
  }

  Status finish_merge() {
    Manifest& manifest = out_.manifest();
    log_.write("artifact_merge_started", {{"selected_tensors", manifest.tensors.size()}});
    TRINITY_CHECK(finish_merged_file(*merged_, options_.out, manifest));
    log_.write("artifact_merge_complete",
               {{"path", manifest.adapted.file}, {"sha256", *manifest.adapted.sha256}});
    return {};
  }

  std::mutex mutex_;  // manifest, log and report, which both threads write
  backend::Backend& backend_;
  backend::DenseAlgebra& algebra_;
  const ExportOptions& options_;
  const ExportPlan& plan_;
  BundleWriter out_;
  model::CheckpointSource source_;
  adapt::Adapter adapter_;
  ExportLog log_;
  const WorkProgress& progress_;
  BundleReport report_;
  ExportWork work_;
  std::uint64_t done_work_ = 0;
  std::optional<MergedTensorFile> merged_;  // of the writer's thread until it is waited for
  SourceHashes source_hashes_;              // the same
  std::vector<std::shared_ptr<TensorFile>> published_;  // the same
  BackgroundWriter writer_;                             // last: its thread uses what stands above
};

}  // namespace

Result<BundleReport> run_export(backend::Backend& backend, const ExportOptions& options,
                                ExportPlan& plan, const EventListener& listener,
                                const WorkProgress& progress) {
  backend::DenseAlgebra* algebra = backend.dense_algebra();
  if (algebra == nullptr)
    return fail(ErrorKind::unsupported, "operation_unsupported",
                fmt::format("backend {} cannot decompose matrices (it has no Gram and eigen "
                            "operations); export with --profile cpu_f32",
                            backend.info().id));
  Exporter exporter(backend, *algebra, options, plan, listener, progress);
  return exporter.run();
}

}  // namespace trinity::bundle
