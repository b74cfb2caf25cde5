#include "interchange/parity/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/json_value.h"
#include "base/try.h"
#include "bundle/tensor_file.h"
#include "tensor/float_cast.h"

namespace trinity::interchange {
namespace {

std::span<const std::byte> bytes_of(std::span<const float> values) { return std::as_bytes(values); }

/// Elements that differ as they are stored. Zeros of both signs are equal, a NaN equals nothing.
int64_t count_different(std::span<const float> a, std::span<const float> b) {
  int64_t count = 0;
  for (size_t i = 0; i < a.size(); ++i) count += a[i] == b[i] ? 0 : 1;
  return count;
}

Json short_summary(const std::vector<int64_t>& shape, DType dtype, const std::string& backend,
                   int64_t size) {
  std::string type = dtype == DType::bf16 ? "{:bf, 16}" : "{:f, 32}";
  if (dtype == DType::f64) type = "{:f, 64}";
  if (dtype == DType::f16) type = "{:f, 16}";
  return {{"shape", shape},
          {"type", type},
          {"backend", backend},
          {"size", size},
          {"summary_omitted", true}};
}

/// One stage on its way past: summaries of both sides and their difference.
class StageTrack {
 public:
  StageTrack(std::string name, std::vector<int64_t> shape, DType dtype, const std::string& backend,
             bool summaries)
      : name_(std::move(name)),
        shape_(std::move(shape)),
        dtype_(dtype),
        backend_(backend),
        summaries_(summaries),
        ours_(shape_, dtype, backend) {}

  /// The other side's tensor, cut to our rows.
  void compare_with(std::optional<TensorView> view) {
    compared_ = true;
    theirs_view_ = std::move(view);
    if (!theirs_view_) return;
    same_shape_ = theirs_view_->shape == shape_;
    theirs_.emplace(theirs_view_->shape, theirs_view_->dtype, "python");
  }

  /// The next elements of ours, in order: as stored and as f32.
  Status feed(std::span<const std::byte> bytes, std::span<const float> values) {
    if (summaries_) ours_.add(bytes, values);
    const size_t begin = fed_;
    fed_ += values.size();
    if (!theirs_view_ || !same_shape_) return {};
    const auto size = static_cast<size_t>(dtype_size(theirs_view_->dtype));
    const auto piece = theirs_view_->bytes.subspan(begin * size, values.size() * size);
    TRINITY_TRY(const std::vector<float> theirs,
                to_f32({theirs_view_->dtype, {static_cast<int64_t>(values.size())}, piece}));
    if (summaries_) theirs_->add(piece, theirs);
    difference_.add(values, theirs, count_different(values, theirs));
    return {};
  }
  Status feed(std::span<const float> values) { return feed(bytes_of(values), values); }

  const std::string& name() const { return name_; }
  bool compared() const { return compared_; }
  const std::string& sha256() const { return ours_.sha256(); }

  /// Our summary; call once, before `check`.
  Json finish() {
    const auto size = static_cast<int64_t>(fed_);
    summary_ = summaries_ ? ours_.finish() : short_summary(shape_, dtype_, backend_, size);
    return summary_;
  }

  StageCheck check(Json& row) {
    Json theirs = nullptr;
    StageCheck check;
    if (!theirs_view_) {
      check = missing_stage(name_);
    } else if (!same_shape_) {
      check = misshapen_stage(name_);
      theirs = short_summary(theirs_view_->shape, theirs_view_->dtype, "python", 0);
    } else {
      std::optional<bool> byte_match;
      if (summaries_) {
        theirs = theirs_->finish();
        byte_match = theirs_view_->dtype == dtype_ && theirs_->sha256() == ours_.sha256();
      } else {
        theirs = short_summary(theirs_view_->shape, theirs_view_->dtype, "python",
                               static_cast<int64_t>(fed_));
      }
      check = judge_stage(name_, difference_, byte_match);
    }
    if (!summaries_) check.byte_match = std::nullopt;
    row = stage_check_json(check, summary_, std::move(theirs));
    return check;
  }

 private:
  std::string name_;
  std::vector<int64_t> shape_;
  DType dtype_;
  std::string backend_;
  bool summaries_;
  SummaryBuilder ours_;
  Json summary_;
  bool compared_ = false, same_shape_ = false;
  std::optional<TensorView> theirs_view_;
  std::optional<SummaryBuilder> theirs_;
  StageDifference difference_;
  size_t fed_ = 0;
};

class Replay {
 public:
  Replay(backend::Backend& backend, const ReplayRequest& request)
      : backend_(backend), request_(request), label_(backend.info().label) {}

  Result<ReplayResult> run() {
    TRINITY_TRY(const ComponentProduct product,
                ComponentProduct::prepare(backend_, request_.components));
    TRINITY_TRY(scaling_, scale_components(request_.components));
    m_ = product.rows();
    n_ = product.columns();
    k_ = product.rank();
    if (request_.source.shape != std::vector<int64_t>{m_, n_})
      return fail(ErrorKind::invalid_input, "expected_source_shape",
                  fmt::format("the source has shape {}, but the components make [{}, {}]",
                              shape_text(request_.source.shape), m_, n_));
    end_ = request_.row_end == 0 ? m_ : std::min(request_.row_end, m_);
    TRINITY_CHECK(open_tracks());
    TRINITY_CHECK(feed("offsets_f32", scaling_.offsets));
    TRINITY_CHECK(feed("scaled_s", scaling_.scaled_s));
    TRINITY_CHECK(feed("normalization", std::span(&scaling_.normalization, 1)));
    for (int64_t row = request_.row_begin; row < end_; row += product.chunk_rows())
      TRINITY_CHECK(rows(product, row, std::min(product.chunk_rows(), end_ - row)));
    if (request_.transpose_final) TRINITY_CHECK(turned_final());
    return finish();
  }

 private:
  bool whole() const { return request_.row_begin == 0 && end_ == m_; }

  Status open_tracks() {
    const int64_t count = end_ - request_.row_begin;
    const std::vector<int64_t> square = {count, n_};
    const std::vector<int64_t> last =
        request_.transpose_final ? std::vector<int64_t>{n_, m_} : square;
    const std::map<std::string_view, std::vector<int64_t>> shapes = {
        {"source_f32", square},      {"offsets_f32", {k_}},          {"scaled_s", {k_}},
        {"normalization", {1}},      {"u_scaled", {count, k_}},      {"matmul_pre_norm", square},
        {"zero_source_f32", square}, {"adapted_source_f32", square}, {"final_f32", last},
        {"final_bf16", last}};
    std::vector<TensorDeclaration> declarations;
    for (const auto& [name, shape] : shapes) {
      const DType dtype = name == kFinalStage ? DType::bf16 : DType::f32;
      const auto place = tracks_.try_emplace(std::string(name), std::string(name), shape, dtype,
                                             label_, request_.summaries);
      declarations.push_back({fmt::format("stage.{}", name), dtype, shape});
      if (request_.stages == nullptr) continue;
      TRINITY_TRY(std::optional<TensorView> theirs, recorded(std::string(name)));
      place.first->second.compare_with(std::move(theirs));
    }
    if (!request_.write_stages.empty()) {
      TRINITY_TRY(bundle::MergedTensorFile file,
                  bundle::MergedTensorFile::create(request_.write_stages, std::move(declarations)));
      file_.emplace(std::move(file));
    }
    return {};
  }

  /// The other side's stage, its rows cut when ours are.
  Result<std::optional<TensorView>> recorded(const std::string& stage) const {
    const auto key = request_.stage_keys.find(stage);
    if (key == request_.stage_keys.end() || request_.stages->find(key->second) == nullptr)
      return std::optional<TensorView>();
    TRINITY_TRY(TensorView view, request_.stages->tensor(key->second));
    if (!whole() && view.shape.size() == 2 && view.shape[0] == m_) {
      TRINITY_TRY(view, row_slice(view, request_.row_begin, end_ - request_.row_begin));
    }
    return std::optional<TensorView>(std::move(view));
  }

  Status feed(const std::string& stage, std::span<const std::byte> bytes,
              std::span<const float> values) {
    if (file_) TRINITY_CHECK(file_->append("stage." + stage, bytes));
    return tracks_.at(stage).feed(bytes, values);
  }
  Status feed(const std::string& stage, std::span<const float> values) {
    return feed(stage, bytes_of(values), values);
  }

  Status feed_final(std::span<const float> values) {
    TRINITY_CHECK(feed("final_f32", values));
    std::vector<std::byte> narrow(values.size() * 2);
    cast_from_f32(values, DType::bf16, narrow.data());
    TRINITY_TRY(const std::vector<float> wide,
                to_f32({DType::bf16, {static_cast<int64_t>(values.size())}, narrow}));
    return feed("final_bf16", narrow, wide);
  }

  Status rows(const ComponentProduct& product, int64_t begin, int64_t count) {
    TRINITY_TRY(const TensorView slice, row_slice(request_.source, begin, count));
    TRINITY_TRY(const std::vector<float> source, to_f32(slice));
    TRINITY_CHECK(feed("source_f32", source));
    TRINITY_TRY(const auto plain, product.scaled_rows(begin, count, scaling_.s));
    TRINITY_TRY(const auto zero, product.multiply(plain));
    TRINITY_CHECK(feed("zero_source_f32", zero));
    for (size_t i = 0; i < zero.size(); ++i)
      zero_error_ = std::max(zero_error_, std::abs(double{zero[i]} - double{source[i]}));
    TRINITY_TRY(const auto scaled, product.scaled_rows(begin, count, scaling_.scaled_s));
    TRINITY_CHECK(feed("u_scaled", scaled));
    TRINITY_TRY(std::vector<float> values, product.multiply(scaled));
    TRINITY_CHECK(feed("matmul_pre_norm", values));
    scale_values(values, scaling_.normalization);
    TRINITY_CHECK(feed("adapted_source_f32", values));
    if (request_.transpose_final)
      adapted_.insert(adapted_.end(), values.begin(), values.end());
    else
      TRINITY_CHECK(feed_final(values));
    // These files may be many times larger than memory.
    for (const SafetensorsFile* file : {request_.stages, request_.components_file})
      if (file != nullptr) file->mapped().advise_dontneed(0, file->mapped().size());
    return {};
  }

  Status turned_final() {
    std::vector<float> turned(adapted_.size());
    transpose_elements(reinterpret_cast<const std::byte*>(adapted_.data()), m_, n_, sizeof(float),
                       reinterpret_cast<std::byte*>(turned.data()));
    return feed_final(turned);
  }

  Result<ReplayResult> finish() {
    ReplayResult out;
    out.normalization = scaling_.normalization;
    out.zero_max_abs_error = zero_error_;
    out.checks_json = Json::array();
    for (auto& [name, track] : tracks_) {  // the map's order is the order of checks
      const Json summary = track.finish();
      if (name == "final_f32") out.final_f32 = summary;
      if (name == "offsets_f32") out.offsets = summary;
      if (name == "scaled_s") out.scaled_s = summary;
      if (name == kFinalStage) {
        out.final_bf16 = summary;
        out.final_bf16_sha256 = track.sha256();
      }
      if (!track.compared()) continue;
      Json row;
      out.checks.push_back(track.check(row));
      out.checks_json.push_back(std::move(row));
    }
    if (file_) {
      TRINITY_TRY(const std::string hash, file_->finish());
    }
    return out;
  }

  backend::Backend& backend_;
  const ReplayRequest& request_;
  std::string label_;
  ComponentScaling scaling_;
  int64_t m_ = 0, n_ = 0, k_ = 0, end_ = 0;
  std::map<std::string, StageTrack> tracks_;
  std::optional<bundle::MergedTensorFile> file_;
  std::vector<float> adapted_;
  double zero_error_ = 0;
};

}  // namespace

Status make_stage_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (!error) return {};
  return fail(ErrorKind::failed, "unwritable_file",
              fmt::format("the folder {} cannot be made ({}); choose another one for the stages",
                          folder.string(), error.message()));
}

Result<ReplayResult> replay_stages(backend::Backend& backend, const ReplayRequest& request) {
  return Replay(backend, request).run();
}

}  // namespace trinity::interchange
