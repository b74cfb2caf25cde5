#include "bundle/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "adapt/adapted_source.h"
#include "adapt/float_cast.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "bundle/background_writer.h"
#include "bundle/checkpoint_check.h"
#include "bundle/export_folder.h"
#include "bundle/tensor_file.h"
#include "route/head_file.h"

namespace trinity {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kChunkRows = 4096;
constexpr size_t kQueuedChunks = 3;

int64_t whole_ms(double ms) { return static_cast<int64_t>(ms + 0.5); }

/// Gives an error the tag of the stage it happened in, as reports name it.
tl::unexpected<Error> in_stage(const char* stage, Error error) {
  error.message = error.tag + ": " + error.message;
  error.tag = stage;
  return tl::unexpected(std::move(error));
}

class Exporter {
 public:
  Exporter(Backend& backend, DenseAlgebra& algebra, const ExportOptions& options, ExportPlan& plan,
           const EventListener& listener, const ExportProgress& progress)
      : backend_(backend),
        algebra_(algebra),
        options_(options),
        plan_(plan),
        manifest_(plan.manifest),
        source_(plan.checkpoint),
        adapter_(algebra, source_, plan.selection, plan.parts.offsets, options.adaptation),
        log_(listener),
        progress_(progress),
        writer_(kQueuedChunks) {
    for (const SelectedTensor& tensor : plan.selection.tensors) total_bytes_ += bytes_of(tensor);
  }

  Result<ExportReport> run() {
    const Stopwatch watch;
    auto done = steps();
    if (!done) {
      log_.write("export_failed", {{"reason", done.error().message}});
      return tl::unexpected(std::move(done.error()));
    }
    report_.manifest = manifest_;
    report_.total_ms = watch.elapsed_ms();
    log_.write("export_finished", {{"status", manifest_.status}});
    return std::move(report_);
  }

 private:
  static std::uint64_t bytes_of(const SelectedTensor& tensor) {
    return static_cast<std::uint64_t>(byte_count(tensor.dtype, tensor.source_shape).value_or(0));
  }

  Status steps() {
    TRINITY_TRY(PreparedFolder folder,
                prepare_export_folder(options_.out, options_.resume, options_.force));
    report_.foreign_files = folder.foreign_files;
    log_.open(options_.out);
    log_.write("export_started", {{"options", options_json()}});
    if (folder.state == FolderState::resumed) {
      TRINITY_TRY(const Manifest previous, load_manifest(options_.out));
      TRINITY_CHECK(resume_manifest(options_.out, previous, manifest_));
    }
    TRINITY_CHECK(save_manifest(options_.out, manifest_));
    TRINITY_CHECK(export_head());
    if (options_.merge && !options_.compact && !options_.only_index) TRINITY_CHECK(open_merged());
    for (const size_t place : order_of_work()) {
      if (options_.only_index && *options_.only_index != static_cast<int64_t>(place) + 1) continue;
      TRINITY_CHECK(tensor(place));
    }
    TRINITY_CHECK(flush_checkpoints());
    return finalise();
  }

  /// Canonical order, except that tensors of one base matrix follow each other: the decomposition
  /// is at hand, and the disk has the rest of the run to catch up with the largest files.
  std::vector<size_t> order_of_work() const {
    const auto& tensors = plan_.selection.tensors;
    std::vector<size_t> order;
    for (size_t place = 0; place < tensors.size(); ++place)
      for (size_t other = place; other < tensors.size(); ++other)
        if (tensors[other].stored_name == tensors[place].stored_name &&
            std::find(order.begin(), order.end(), other) == order.end())
          order.push_back(other);
    return order;
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

  Json options_json() const {
    return {{"out", options_.out.string()},
            {"source_vector", options_.vector.string()},
            {"layers", options_.layers},
            {"tie_mode", tie_mode_name(options_.adaptation.tie_mode)},
            {"svd_compute_type", svd_compute_type_name(options_.adaptation.compute_type)},
            {"profile", options_.profile},
            {"compact", options_.compact},
            {"resume", options_.resume},
            {"force", options_.force},
            {"skip_existing", options_.skip_existing}};
  }

  // ---- head ----

  Status export_head() {
    const std::filesystem::path path = options_.out / manifest_.router_head_artifact;
    const HeadMatrix head{plan_.parts.head, plan_.parts.outputs, plan_.parts.hidden};
    std::error_code ignored;
    if (options_.skip_existing && std::filesystem::exists(path, ignored)) {
      const auto same = head_file_holds(path, head);
      if (same && *same) {
        TRINITY_TRY(manifest_.router_head_sha256, sha256_file(path));
        log_.write("router_head_skipped", {{"path", path.string()}, {"status", "valid"}});
        return save_manifest(options_.out, manifest_);
      }
      log_.write("router_head_rewrite",
                 {{"path", path.string()},
                  {"reason", same ? "it holds other values" : same.error().message}});
    }
    TRINITY_CHECK(write_head_file(path, head));
    TRINITY_TRY(manifest_.router_head_sha256, sha256_file(path));
    log_.write("router_head_export_complete",
               {{"path", path.string()}, {"sha256", *manifest_.router_head_sha256}});
    return save_manifest(options_.out, manifest_);
  }

  // ---- one tensor ----

  Status tensor(size_t place) {
    ManifestTensor& entry = manifest_.tensors[place];
    const SelectedTensor& selected = plan_.tensor(place);
    if (entry.status == TensorStatus::complete && options_.skip_existing) {
      log_.write("tensor_skipped", {{"path", entry.path},
                                    {"index", entry.index},
                                    {"index_total", manifest_.tensors.size()}});
      ++report_.skipped;
      advance(bytes_of(selected));
      return {};
    }
    entry = plan_.manifest.tensors[place];
    entry.status = TensorStatus::running;
    TRINITY_CHECK(save_manifest(options_.out, manifest_, Durability::later));
    log_.write("tensor_export_started",
               {{"index", entry.index}, {"total", manifest_.tensors.size()}, {"path", entry.path}});
    Status status = compute(place, entry);
    const Status written = writer_.wait();
    if (status && !written) status = in_stage("checkpoint_write_error", written.error());
    if (!status) return tensor_failed(entry, std::move(status.error()));
    entry.status = TensorStatus::complete;
    ++report_.exported;
    TRINITY_CHECK(save_manifest(options_.out, manifest_, Durability::later));
    log_.write("tensor_export_progress", {{"index", entry.index},
                                          {"path", entry.path},
                                          {"decompose_ms", *entry.decompose_elapsed_ms},
                                          {"reconstruct_ms", *entry.reconstruct_elapsed_ms}});
    log_.write("tensor_export_finished", {{"index", entry.index}, {"path", entry.path}});
    return {};
  }

  Status tensor_failed(ManifestTensor& entry, Error error) {
    entry.status = TensorStatus::failed;
    entry.error = error.message;
    entry.checkpoint_sha256.reset();
    manifest_.status = "failed";
    log_.write("tensor_export_failed",
               {{"index", entry.index}, {"path", entry.path}, {"reason", error.message}});
    // On a full disk this fails too; the manifest on disk then still says `running`.
    const Status ignored = save_manifest(options_.out, manifest_);
    static_cast<void>(ignored);
    return tl::unexpected(std::move(error));
  }

  Status compute(size_t place, ManifestTensor& entry) {
    const SelectedTensor& selected = plan_.tensor(place);
    const std::string label = backend_.info().label;
    Stopwatch watch;
    auto factor = adapter_.factor(place);
    if (!factor) return in_stage("decompose_error", std::move(factor.error()));
    TRINITY_CHECK(backend_.synchronize());
    const double decompose_ms = watch.elapsed_ms();
    watch.restart();
    if (factor->decompose_ms > 0) TRINITY_CHECK(hash_source(selected));
    const Status done =
        options_.compact ? write_factor(entry, *factor) : write_product(selected, entry, *factor);
    if (!done) return in_stage("reconstruct_error", done.error());
    TRINITY_CHECK(backend_.synchronize());
    const double reconstruct_ms = watch.elapsed_ms();
    report_.products_ms += decompose_ms + reconstruct_ms;
    entry.decompose_elapsed_ms = whole_ms(decompose_ms);
    entry.reconstruct_elapsed_ms = whole_ms(reconstruct_ms);
    entry.backend_label = entry.u_backend = entry.s_backend = entry.v_backend =
        entry.adapted_backend = label;
    entry.decompose_source_type = elixir_type(selected.dtype);
    entry.reconstructed_type_before_cast = elixir_type(DType::f32);
    entry.checkpoint_type = elixir_type(expected_tensor(entry, manifest_.layout).dtype);
    entry.svd_gap_report = {factor->gaps.smallest_relative_gap, factor->gaps.gaps_below_resolution};
    entry.normalization = factor->scaling.normalization;
    // Filled by the writer thread, which is idle once wait() has returned.
    TRINITY_CHECK(writer_.submit([this, &entry, &selected]() -> Status {
      entry.source_sha256 = source_hashes_[selected.stored_name];
      return {};
    }));
    return {};
  }

  Status hash_source(const SelectedTensor& selected) {
    TRINITY_TRY(const TensorView view, source_.tensor(selected.stored_name));
    return writer_.submit([this, view, name = selected.stored_name]() -> Status {
      source_hashes_[name] = sha256_hex(view.bytes);
      return {};
    });
  }

  /// A compact bundle's file: the factor in f32, as the row products will use it.
  Status write_factor(ManifestTensor& entry, const TensorFactor& factor) {
    TRINITY_TRY(std::shared_ptr<TensorFile> file, open_checkpoint(entry));
    auto values =
        std::make_shared<std::vector<float>>(factor.projector.begin(), factor.projector.end());
    TRINITY_CHECK(
        writer_.submit([file, values] { return file->append(std::as_bytes(std::span(*values))); }));
    advance(bytes_of(plan_.tensor(static_cast<size_t>(entry.index - 1))));
    return submit_publish(entry, file);
  }

  Status write_product(const SelectedTensor& selected, ManifestTensor& entry,
                       const TensorFactor& factor) {
    TRINITY_TRY(std::shared_ptr<TensorFile> file, open_checkpoint(entry));
    TRINITY_TRY(const TensorView matrix, base_matrix(source_, selected));
    // Layer kernels are turned around for a bundle, square ones too.
    const bool turned = block_index(selected.source_name).has_value();
    const bool streamed = !turned && matrix.shape[0] >= matrix.shape[1];
    if (!streamed) {
      TRINITY_TRY(std::vector<std::byte> bytes, bundle_product(matrix, factor, turned));
      auto shared = std::make_shared<std::vector<std::byte>>(std::move(bytes));
      TRINITY_CHECK(writer_.submit([this, file, shared, key = entry.artifact_key]() -> Status {
        TRINITY_CHECK(file->append(*shared));
        return merged_ ? merged_->append(key, *shared) : Status();
      }));
      advance(bytes_of(selected));
      return submit_publish(entry, file);
    }
    TRINITY_TRY(const Weight prepared, algebra_.prepare_factor(factor.projector, matrix.shape[1]));
    const auto row_bytes = static_cast<std::uint64_t>(matrix.shape[1] * dtype_size(matrix.dtype));
    TRINITY_CHECK(project_rows(
        algebra_, matrix, prepared, kChunkRows,
        [&](int64_t /*row*/, std::vector<float>& values) -> Status {
          const std::uint64_t rows = values.size() / static_cast<size_t>(matrix.shape[1]);
          auto chunk = std::make_shared<std::vector<float>>(spare_buffer());
          chunk->swap(values);
          TRINITY_CHECK(writer_.submit(
              [this, file, chunk, dtype = matrix.dtype, key = entry.artifact_key]() -> Status {
                cast_.resize(chunk->size() * static_cast<size_t>(dtype_size(dtype)));
                cast_from_f32(*chunk, dtype, cast_.data());
                keep_buffer(std::move(*chunk));
                TRINITY_CHECK(file->append(cast_));
                return merged_ ? merged_->append(key, cast_) : Status();
              }));
          advance(rows * row_bytes);
          return {};
        }));
    return submit_publish(entry, file);
  }

  /// The product in bundle orientation, for matrices that are small enough to hold in memory.
  Result<std::vector<std::byte>> bundle_product(const TensorView& matrix,
                                                const TensorFactor& factor, bool turned) {
    TRINITY_TRY(std::vector<std::byte> product, project_matrix(algebra_, matrix, factor.projector));
    if (!turned) return product;
    std::vector<std::byte> out(product.size());
    transpose_elements(product.data(), matrix.shape[0], matrix.shape[1],
                       static_cast<size_t>(dtype_size(matrix.dtype)), out.data());
    return out;
  }

  Result<std::shared_ptr<TensorFile>> open_checkpoint(const ManifestTensor& entry) {
    TRINITY_TRY(TensorFile file, TensorFile::create(options_.out / entry.checkpoint_path,
                                                    expected_tensor(entry, manifest_.layout)));
    return std::make_shared<TensorFile>(std::move(file));
  }

  Status submit_publish(ManifestTensor& entry, std::shared_ptr<TensorFile> file) {
    return writer_.submit([this, &entry, file]() -> Status {
      TRINITY_TRY(entry.checkpoint_sha256, file->publish());
      published_.push_back(file);
      return merged_ ? merged_->advance_hash() : Status();
    });
  }

  // ---- buffers that travel between the two threads ----

  std::vector<float> spare_buffer() {
    const std::lock_guard lock(spare_mutex_);
    if (spare_.empty()) return {};
    std::vector<float> buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
  }
  void keep_buffer(std::vector<float> buffer) {
    const std::lock_guard lock(spare_mutex_);
    spare_.push_back(std::move(buffer));
  }

  void advance(std::uint64_t bytes) {
    done_bytes_ += bytes;
    if (progress_) progress_(done_bytes_, total_bytes_);
  }

  // ---- the end ----

  Status open_merged() {
    std::vector<TensorDeclaration> declarations;
    for (const ManifestTensor& entry : manifest_.tensors)
      declarations.push_back(expected_tensor(entry, ArtifactLayout::single_file));
    auto merged = MergedTensorFile::create(options_.out / manifest_.adapted_tensors_artifact,
                                           std::move(declarations));
    if (!merged) return in_stage("adapted_merge_error", std::move(merged.error()));
    merged_.emplace(std::move(*merged));
    return {};
  }

  int64_t completed() const {
    int64_t count = 0;
    for (const ManifestTensor& entry : manifest_.tensors)
      count += entry.status == TensorStatus::complete ? 1 : 0;
    return count;
  }

  Status finalise() {
    const auto total = static_cast<int64_t>(manifest_.tensors.size());
    if (options_.only_index || completed() < total) {
      manifest_.status = "partial";
      manifest_.export_complete = false;
      TRINITY_CHECK(save_manifest(options_.out, manifest_));
      if (options_.only_index)
        log_.write("manifest_partial_only_index", {{"only_index", *options_.only_index}});
      log_.write("manifest_partial", {{"completed", completed()}, {"total", total}});
      return {};
    }
    record_base_hash();
    if (merged_) {
      if (Status merged = finish_merge(); !merged) {
        manifest_.status = "failed";
        manifest_.export_complete = false;
        log_.write("artifact_merge_failed", {{"path", manifest_.adapted_tensors_artifact},
                                             {"reason", merged.error().message}});
        const Status ignored = save_manifest(options_.out, manifest_);
        static_cast<void>(ignored);
        return in_stage("adapted_merge_error", std::move(merged.error()));
      }
    }
    manifest_.status = "complete";
    manifest_.export_complete = true;
    TRINITY_CHECK(save_manifest(options_.out, manifest_));
    log_.write("manifest_complete", {{"completed", completed()}});
    return {};
  }

  void record_base_hash() {
    std::map<std::string, std::string> hashes;
    for (size_t i = 0; i < manifest_.tensors.size(); ++i)
      if (manifest_.tensors[i].source_sha256)
        hashes[plan_.tensor(i).stored_name] = *manifest_.tensors[i].source_sha256;
    manifest_.base_model_sha256 = base_tensors_sha256(plan_.selection, hashes);
  }

  /// Copies what earlier runs exported into the merged file, then puts it into place.
  Status finish_merge() {
    log_.write("artifact_merge_started", {{"selected_tensors", manifest_.tensors.size()}});
    for (const ManifestTensor& entry : manifest_.tensors) {
      if (merged_->complete(entry.artifact_key)) continue;
      TRINITY_TRY(const SafetensorsFile file,
                  SafetensorsFile::open(options_.out / entry.checkpoint_path));
      TRINITY_TRY(const TensorView view, file.tensor(entry.artifact_key));
      TRINITY_CHECK(merged_->append(entry.artifact_key, view.bytes));
    }
    TRINITY_TRY(manifest_.adapted_tensors_sha256, merged_->finish());
    manifest_.layout = ArtifactLayout::single_file;
    log_.write("artifact_merge_complete", {{"path", manifest_.adapted_tensors_artifact},
                                           {"sha256", *manifest_.adapted_tensors_sha256}});
    return {};
  }

  Backend& backend_;
  DenseAlgebra& algebra_;
  const ExportOptions& options_;
  const ExportPlan& plan_;
  Manifest manifest_;
  CheckpointSource source_;
  Adapter adapter_;
  ExportLog log_;
  const ExportProgress& progress_;
  ExportReport report_;
  std::uint64_t done_bytes_ = 0, total_bytes_ = 0;
  std::optional<MergedTensorFile> merged_;              // used by the writer thread between waits
  std::map<std::string, std::string> source_hashes_;    // the same
  std::vector<std::byte> cast_;                         // the same
  std::vector<std::shared_ptr<TensorFile>> published_;  // the same
  std::mutex spare_mutex_;
  std::vector<std::vector<float>> spare_;
  BackgroundWriter writer_;  // last: its thread uses what stands above
};

}  // namespace

Result<ExportReport> run_export(Backend& backend, const ExportOptions& options, ExportPlan& plan,
                                const EventListener& listener, const ExportProgress& progress) {
  DenseAlgebra* algebra = backend.dense_algebra();
  if (algebra == nullptr)
    return fail(ErrorKind::unsupported, "operation_unsupported",
                fmt::format("backend {} cannot decompose matrices (it has no Gram and eigen "
                            "operations); export with --profile cpu_f32",
                            backend.info().id));
  Exporter exporter(backend, *algebra, options, plan, listener, progress);
  return exporter.run();
}

}  // namespace trinity
