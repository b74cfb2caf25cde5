#include "interchange/parity/chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "adapt/tensor_naming.h"
#include "base/json_value.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/json_lookup.h"
#include "bundle/manifest.h"
#include "interchange/parity/replay.h"
#include "interchange/parity/stage.h"
#include "interchange/python_import_sources.h"

namespace trinity::interchange {
namespace {

namespace fs = std::filesystem;

constexpr const char* kChunkSchema = "trinity_sakana_large_tensor_chunks_elixir.v1";
constexpr const char* kStageSchema = "trinity_sakana_large_tensor_chunk_stage_debug.v1";

class ChunkReplay {
 public:
  ChunkReplay(backend::Backend& backend, const ParityChunkOptions& options,
              const std::function<void(const std::string&)>& listener)
      : backend_(backend), options_(options), listener_(listener) {}

  Result<ParityChunkReport> run() {
    TRINITY_TRY(in_, read_parity_inputs(options_.paths));
    TRINITY_CHECK(make_stage_folder(options_.stage_dir));
    TRINITY_TRY(const std::vector<ParityTensor> tensors, tensors_to_compare());
    TRINITY_TRY(files_, open_component_files(in_.components_file, in_.scales_file));
    Json chunks = Json::array();
    for (const ParityTensor& tensor : tensors) {
      out_.sources.push_back(tensor.source_name);
      TRINITY_CHECK(replay_tensor(tensor, chunks));
    }
    out_.report = {{"schema", kChunkSchema},
                   {"generated_at_utc", bundle::utc_now()},
                   {"paths",
                    {{"components_dir", path_json(options_.paths.components_dir)},
                     {"python_report", path_json(options_.paths.python_report)},
                     {"stage_dir", path_json(options_.stage_dir)}}},
                   {"selection",
                    {{"sources", out_.sources},
                     {"chunk_rows", options_.chunk_rows},
                     {"compute_backend", backend_.info().label}}},
                   {"python_component_metadata", sorted_by_key(in_.metadata)},
                   {"large_tensor_chunk_checks", std::move(chunks)},
                   {"summary",
                    {{"source_count", out_.sources.size()},
                     {"sources", out_.sources},
                     {"chunk_count", out_.chunks},
                     {"required_check_count", out_.required_checks},
                     {"failed_required_count", out_.failed_required},
                     {"functional_parity_passed", out_.failed_required == 0}}}};
    return std::move(out_);
  }

 private:
  void say(const std::string& line) const {
    if (listener_) listener_(line);
  }

  /// Baselines of the report, else the entries of the debug manifest.
  Result<std::vector<ParityTensor>> known_tensors() const {
    const auto* baselines = bundle::find_list(in_.python_report, {"large_tensor_chunk_baselines"});
    if (baselines == nullptr) return in_.selected;
    std::vector<ParityTensor> out;
    for (const auto& entry : *baselines) {
      fs::path stages = in_.all_stage_file;
      if (const auto named = bundle::find_text(entry, {"stage_tensor_file"}))
        stages = locate(*named);
      TRINITY_TRY(ParityTensor tensor, read_parity_tensor(entry, VLayout::torch_v, stages));
      out.push_back(std::move(tensor));
    }
    return out;
  }

  /// Beside the report, else in the components folder.
  fs::path locate(const std::string& name) const {
    std::error_code ignored;
    fs::path beside = bundle::locate_named_file(options_.paths.python_report.parent_path(), name);
    if (fs::exists(beside, ignored) || options_.paths.components_dir.empty()) return beside;
    return bundle::locate_named_file(options_.paths.components_dir, name);
  }

  Result<std::vector<ParityTensor>> tensors_to_compare() const {
    std::vector<std::string> wanted = options_.sources;
    if (wanted.empty()) wanted = {adapt::kEmbeddingName, adapt::kLmHeadName};
    TRINITY_TRY(const std::vector<ParityTensor> known, known_tensors());
    std::vector<ParityTensor> out;
    std::string missing;
    for (const std::string& source : wanted) {
      const auto found = std::find_if(known.begin(), known.end(), [&](const ParityTensor& tensor) {
        return tensor.source_name == source;
      });
      if (found != known.end())
        out.push_back(*found);
      else
        missing = source;
    }
    if (out.empty() || (!options_.sources.empty() && !missing.empty()))
      return fail(ErrorKind::invalid_input, "no_matching_tensor",
                  fmt::format("neither the Python report nor the debug manifest has stages of {}; "
                              "write them for all selected tensors",
                              excerpt(missing)));
    return out;
  }

  Status replay_tensor(const ParityTensor& tensor, Json& chunks) {
    if (tensor.stage_file.empty())
      return fail(ErrorKind::missing, "missing_python_stage",
                  fmt::format("no file of Python stages is known for {}", tensor.source_name));
    TRINITY_TRY(const SafetensorsFile stages, open_named_file(tensor.stage_file));
    ReplayRequest request;
    TRINITY_TRY(request.components, components_of(files_, tensor, tensor.layout));
    const auto source = tensor.stage_keys.find(std::string(kSourceStage));
    if (source == tensor.stage_keys.end() || stages.find(source->second) == nullptr)
      return fail(ErrorKind::missing, "missing_python_stage",
                  fmt::format("{} has no source_f32 of {}; write the stages again",
                              tensor.stage_file.string(), excerpt(tensor.source_name)));
    TRINITY_TRY(request.source, stages.tensor(source->second));
    request.components_file = files_.components.get();
    request.stages = &stages;
    request.stage_keys = tensor.stage_keys;
    request.summaries = false;
    const int64_t rows = request.components.rows();
    const int64_t step = std::clamp<int64_t>(options_.chunk_rows, 1, rows);
    const int64_t count = (rows + step - 1) / step;
    for (int64_t i = 0; i < count; ++i) {
      request.row_begin = i * step;
      request.row_end = std::min(rows, request.row_begin + step);
      TRINITY_TRY(Json chunk, replay_chunk(tensor, request, i, count));
      chunks.push_back(std::move(chunk));
    }
    files_.components->release(tensor.u_key);
    return {};
  }

  Result<Json> replay_chunk(const ParityTensor& tensor, ReplayRequest& request, int64_t index,
                            int64_t count) {
    const std::string span = fmt::format("{} {}/{} rows={}:{}", tensor.source_name, index + 1,
                                         count, request.row_begin, request.row_end);
    say(fmt::format("chunk {} started", span));
    const std::string safe = safe_tensor_name(tensor.safe_key);
    request.write_stages.clear();
    if (!options_.stage_dir.empty()) {
      request.write_stages =
          options_.stage_dir / fmt::format("trinity_svf_large_chunk_{}_{}_{}.safetensors", safe,
                                           request.row_begin, request.row_end);
    }
    TRINITY_TRY(const ReplayResult replay, replay_stages(backend_, request));
    const int64_t failed = required_failures(replay.checks);
    ++out_.chunks;
    out_.failed_required += failed;
    for (const StageCheck& check : replay.checks) out_.required_checks += check.required ? 1 : 0;
    say(fmt::format("chunk {} functional_parity={} required_failed={}", span, failed == 0, failed));
    return Json{{"label", fmt::format("large_tensor_chunk_{}_rows_{}_{}", tensor.safe_key,
                                      request.row_begin, request.row_end)},
                {"source_name", tensor.source_name},
                {"elixir_name", tensor.elixir_name},
                {"safe_key", tensor.safe_key},
                {"chunk_index", index},
                {"row_start", request.row_begin},
                {"row_end", request.row_end},
                {"row_count", request.row_end - request.row_begin},
                {"compute_backend", backend_.info().label},
                {"python_stage_tensor_file", tensor.stage_file.string()},
                {"stage_debug",
                 {{"schema", kStageSchema},
                  {"stage_tensor_file", path_json(request.write_stages)},
                  {"compared_to_python_stage_tensors", true},
                  {"functional_parity_passed", failed == 0},
                  {"required_failed_count", failed},
                  {"checks", replay.checks_json}}},
                {"checks", replay.checks_json}};
  }

  backend::Backend& backend_;
  const ParityChunkOptions& options_;
  const std::function<void(const std::string&)>& listener_;
  ParityInputs in_;
  ComponentFiles files_;
  ParityChunkReport out_;
};

}  // namespace

Result<ParityChunkReport> parity_chunks(backend::Backend& backend,
                                        const ParityChunkOptions& options,
                                        const std::function<void(const std::string&)>& listener) {
  return ChunkReplay(backend, options, listener).run();
}

}  // namespace trinity::interchange
