#include "adapt/router_vector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"

namespace trinity::adapt {
namespace {

constexpr int64_t kRoles = 3;
constexpr int64_t kFewestOutputs = kRoles + 1;

bool is_npy(const MappedFile& file) {
  constexpr std::string_view magic = "\x93NUMPY";
  return file.size() >= magic.size() &&
         std::memcmp(file.bytes().data(), magic.data(), magic.size()) == 0;
}

Status read_values(const TensorView& view, RouterVector& vector) {
  if (view.shape.size() != 1 || view.shape[0] == 0)
    return fail(ErrorKind::invalid_input, "invalid_vector_shape",
                fmt::format("{}: a router vector is one-dimensional and not empty, but this has "
                            "shape {}; flatten it first",
                            vector.path.string(), shape_text(view.shape)));
  vector.source_type = dtype_name(view.dtype);
  TRINITY_TRY(vector.values, to_f32(view));
  for (size_t i = 0; i < vector.values.size(); ++i)
    if (!std::isfinite(vector.values[i]))
      return fail(ErrorKind::invalid_input, "non_finite_vector",
                  fmt::format("{}: entry {} is NaN or infinite (or too large for f32); a router "
                              "vector holds finite numbers",
                              vector.path.string(), i));
  return {};
}

std::string joined_names(const SafetensorsFile& file) {
  std::string names;
  for (const std::string& name : file.names()) {
    if (names.size() > 200) return names + ", …";
    names += (names.empty() ? "" : ", ") + name;
  }
  return names.empty() ? "none" : names;
}

tl::unexpected<Error> size_mismatch(int64_t expected, int64_t got) {
  return fail(ErrorKind::invalid_input, "router_vector_size_mismatch",
              fmt::format("router vector size mismatch: expected {}, got {}; the vector belongs to "
                          "another model shape or another choice of layers",
                          expected, got));
}

}  // namespace

Result<RouterVector> RouterVector::load(const std::filesystem::path& path,
                                        const std::string& tensor_name) {
  RouterVector vector;
  vector.path = path;
  vector.tensor_name = tensor_name;
  TRINITY_TRY(const MappedFile mapped, MappedFile::open(path));
  vector.sha256 = sha256_hex(mapped.bytes());
  if (is_npy(mapped)) {
    auto view = parse_npy(mapped.bytes());
    if (!view) return fail_in(path.string(), std::move(view.error()));
    vector.tensor_name = kTensorName;
    TRINITY_CHECK(read_values(*view, vector));
    return vector;
  }
  TRINITY_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  if (file.find(tensor_name) == nullptr)
    return fail(ErrorKind::invalid_input, "missing_vector_tensor",
                fmt::format("{} has no tensor \"{}\" (it has: {}); name the right one with "
                            "--tensor-name",
                            path.string(), tensor_name, joined_names(file)));
  TRINITY_TRY(const TensorView view, file.tensor(tensor_name));
  TRINITY_CHECK(read_values(view, vector));
  return vector;
}

Result<RouterVectorParts> split_router_vector(std::span<const float> values, int64_t scale_count,
                                              int64_t hidden, int64_t outputs) {
  const int64_t expected = scale_count + hidden * outputs;
  if (scale_count < 0 || hidden <= 0 || outputs <= 0 ||
      expected != static_cast<int64_t>(values.size()))
    return size_mismatch(expected, static_cast<int64_t>(values.size()));
  RouterVectorParts parts;
  parts.hidden = hidden;
  parts.outputs = outputs;
  const auto border = values.begin() + scale_count;
  parts.offsets.assign(values.begin(), border);
  parts.head.assign(border, values.end());
  return parts;
}

Result<int64_t> head_outputs_of(std::span<const float> values, int64_t scale_count, int64_t hidden,
                                int64_t head_rows) {
  const auto count = static_cast<int64_t>(values.size());
  const int64_t rest = count - scale_count;
  if (head_rows > 0 && rest != head_rows * hidden)
    return size_mismatch(scale_count + hidden * head_rows, count);
  if (rest < kFewestOutputs * hidden || rest % hidden != 0)
    return size_mismatch(scale_count + hidden * std::max<int64_t>(kFewestOutputs, rest / hidden),
                         count);
  const int64_t outputs = rest / hidden;
  if (outputs == kFewestOutputs && head_rows == 0)
    return fail(ErrorKind::invalid_input, "unlikely_head",
                fmt::format("with {} offsets taken off, the router vector's head has {} rows, {}: "
                            "the choice of layers is probably not the vector's; correct --layers, "
                            "or give --head-rows {} if the head is like that",
                            scale_count, outputs, head_rows_text(outputs), outputs));
  return outputs;
}

Result<RouterVectorParts> split_off_head(std::span<const float> values, int64_t scale_count,
                                         int64_t hidden, int64_t head_rows) {
  TRINITY_TRY(const int64_t outputs, head_outputs_of(values, scale_count, hidden, head_rows));
  return split_router_vector(values, scale_count, hidden, outputs);
}

std::string head_rows_text(int64_t outputs) {
  const int64_t agents = outputs - kRoles;
  return fmt::format("{} agent{} and {} roles", agents, agents == 1 ? "" : "s", kRoles);
}

VectorStatistics vector_statistics(std::span<const float> values) {
  VectorStatistics out;
  out.count = static_cast<int64_t>(values.size());
  if (values.empty()) return out;
  const auto count = static_cast<double>(values.size());
  double sum = 0, large = 0;
  for (const float value : values) {
    sum += double{value};
    large += std::abs(value) > 0.1F ? 1 : 0;
  }
  out.mean = sum / count;
  out.share_above_tenth = large / count;
  double squares = 0;
  for (const float value : values)
    squares += (double{value} - out.mean) * (double{value} - out.mean);
  out.standard_deviation = std::sqrt(squares / count);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  out.minimum = double{*low};
  out.maximum = double{*high};
  return out;
}

}  // namespace trinity::adapt
