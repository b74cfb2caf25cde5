#include "route/head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "tensor/safetensors.h"

namespace trinity::route {
namespace {

// Rows that are summed side by side: a chain waits for each of its additions, several do not.
constexpr std::size_t kChains = 4;

// sums[r] = sum of weights[r][i] * hidden[i], r < count <= kChains: one chain a row, i ascending.
void dots(const float* weights, const float* hidden, std::size_t size, std::size_t count,
          double* sums) {
  const float* rows[kChains];  // a row that is missing repeats the last
  for (std::size_t r = 0; r < kChains; ++r) rows[r] = weights + std::min(r, count - 1) * size;
  std::array<double, kChains> chains{};
  for (std::size_t i = 0; i < size; ++i) {
    const double x = hidden[i];
    for (std::size_t r = 0; r < kChains; ++r) chains[r] += x * static_cast<double>(rows[r][i]);
  }
  std::copy_n(chains.begin(), count, sums);
}

tl::unexpected<Error> bad_weights(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_head_weights",
              what + "; give the head as a float matrix [outputs, hidden]");
}

}  // namespace

Result<Head> Head::from_tensor(const TensorView& weights, int num_roles) {
  if (weights.shape.size() != 2) {
    return bad_weights("the head tensor has shape " + shape_text(weights.shape));
  }
  auto values = to_f32(weights);
  if (!values) return bad_weights("the head tensor cannot be read: " + values.error().message);
  return from_values(*std::move(values), static_cast<std::size_t>(weights.shape[0]),
                     static_cast<std::size_t>(weights.shape[1]), num_roles);
}

Result<Head> Head::from_weights(std::span<const float> weights, std::size_t outputs,
                                std::size_t hidden_size, int num_roles) {
  return from_values({weights.begin(), weights.end()}, outputs, hidden_size, num_roles);
}

Result<Head> Head::from_values(std::vector<float> weights, std::size_t outputs,
                               std::size_t hidden_size, int num_roles) {
  if (num_roles <= 0) {
    return fail(ErrorKind::usage, "invalid_num_roles",
                "the number of roles must be positive, got " + std::to_string(num_roles) +
                    "; the released head has 3");
  }
  if (hidden_size == 0 || outputs == 0 || weights.size() / hidden_size != outputs ||
      weights.size() % hidden_size != 0) {
    return bad_weights("the head has " + std::to_string(weights.size()) + " weights, not " +
                       std::to_string(outputs) + " rows of " + std::to_string(hidden_size));
  }
  if (outputs <= static_cast<std::size_t>(num_roles)) {
    return fail(ErrorKind::invalid_input, "invalid_head_shape",
                "the head has " + std::to_string(outputs) +
                    " outputs, which leaves no agent beside " + std::to_string(num_roles) +
                    " roles; check the head file and the role count");
  }
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) {
    return bad_weights("the head has NaN or infinite weights");
  }
  Head head;
  head.weights_ = std::move(weights);
  head.outputs_ = outputs;
  head.hidden_size_ = hidden_size;
  head.num_roles_ = static_cast<std::size_t>(num_roles);
  return head;
}

Result<Head> Head::load(const std::filesystem::path& path, const std::string& tensor_name,
                        int num_roles) {
  TRINITY_TRY(const auto file, SafetensorsFile::open(path));
  if (file.find(tensor_name) == nullptr) {
    std::vector<std::string> matrices;
    for (const TensorInfo& info : file.tensors()) {
      if (info.shape.size() == 2) matrices.push_back(excerpt(info.name));
    }
    std::string advice = "; name the tensor that holds the head";
    if (matrices.size() == 1) {
      advice = "; its only matrix is '" + matrices.front() + "': name that one if it is the head";
    }
    return fail(ErrorKind::invalid_input, "missing_router_head_tensor",
                path.string() + " has no tensor '" + excerpt(tensor_name) + "'" + advice);
  }
  TRINITY_TRY(const auto view, file.tensor(tensor_name));
  auto head = from_tensor(view, num_roles);
  if (!head) return fail_in(path.string(), std::move(head.error()));
  return head;
}

bool Head::rows_differ() const {
  const std::span<const float> first = std::span(weights_).first(hidden_size_);
  for (std::size_t row = 1; row < outputs_; ++row)
    if (!std::equal(first.begin(), first.end(),
                    weights_.begin() + static_cast<std::ptrdiff_t>(row * hidden_size_)))
      return true;
  return false;
}

Result<std::vector<float>> Head::logits(std::span<const float> hidden) const {
  if (hidden.size() != hidden_size_) {
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                "the head expects a hidden vector of " + std::to_string(hidden_size_) +
                    " values, got " + std::to_string(hidden.size()) +
                    "; use the model that the head was trained with");
  }
  std::vector<double> sums(outputs_);
  for (std::size_t row = 0; row < outputs_; row += kChains) {
    dots(weights_.data() + row * hidden_size_, hidden.data(), hidden_size_,
         std::min(kChains, outputs_ - row), sums.data() + row);
  }
  std::vector<float> logits(outputs_);
  for (std::size_t row = 0; row < outputs_; ++row) {
    logits[row] = static_cast<float>(sums[row]);
    if (!std::isfinite(logits[row])) {
      return fail(
          ErrorKind::invalid_input, "non_finite_logits",
          "logit " + std::to_string(row) +
              " is NaN or infinite, so no decision is made; check the model, its weights and "
              "the input");
    }
  }
  return logits;
}

}  // namespace trinity::route
