#include "route/head_variants.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/try.h"
#include "base/utf8.h"
#include "route/exsss.h"

namespace trinity::route {
namespace {

// `size` in `parts` contiguous slices; the first (size mod parts) are one longer.
std::vector<Partition> partition(std::size_t size, std::size_t parts) {
  std::vector<Partition> slices;
  std::size_t start = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t length = size / parts + (i < size % parts ? 1 : 0);
    slices.push_back({start, length});
    start += length;
  }
  return slices;
}

Status check_range(const char* tag, const char* name, std::size_t value, std::size_t largest) {
  if (value >= 1 && value <= largest) return {};
  return fail(ErrorKind::usage, tag,
              std::string(name) + " must be 1.." + std::to_string(largest) + ", got " +
                  std::to_string(value));
}

}  // namespace

Result<HeadVariant> parse_head_variant(std::string_view name) {
  std::string normalized;
  for (const char c : name) {
    normalized += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto first = normalized.find_first_not_of(" \t\r\n");
  const auto last = normalized.find_last_not_of(" \t\r\n");
  if (first != std::string::npos) normalized = normalized.substr(first, last - first + 1);
  for (const HeadVariant variant :
       {HeadVariant::linear, HeadVariant::block_diagonal, HeadVariant::sparse}) {
    if (normalized == head_variant_name(variant)) return variant;
  }
  return fail(
      ErrorKind::usage, "invalid_head_variant",
      "invalid head variant \"" + excerpt(name) + "\"; use linear, block_diagonal or sparse");
}

std::string head_variant_name(HeadVariant variant) {
  switch (variant) {
    case HeadVariant::linear:
      return "linear";
    case HeadVariant::block_diagonal:
      return "block_diagonal";
    case HeadVariant::sparse:
      return "sparse";
  }
  return "linear";
}

Result<HeadLayout> head_layout(const HeadSpec& spec) {
  if (spec.input_dim == 0 || spec.num_agents == 0 || spec.num_roles == 0) {
    return fail(ErrorKind::usage, "invalid_head_shape",
                "a head needs at least one input, one agent and one role; give positive sizes");
  }
  HeadLayout layout;
  layout.input_dim = spec.input_dim;
  layout.num_agents = spec.num_agents;
  layout.num_roles = spec.num_roles;
  layout.output_dim = spec.num_agents + spec.num_roles;
  layout.variant = spec.variant;
  if (spec.variant == HeadVariant::block_diagonal) {
    TRINITY_CHECK(check_range("invalid_blocks", "blocks", spec.blocks,
                              std::min(layout.input_dim, layout.output_dim)));
    layout.blocks = spec.blocks;
    layout.input_partitions = partition(layout.input_dim, spec.blocks);
  } else {
    std::size_t width = spec.input_dim;
    if (spec.variant == HeadVariant::sparse && spec.sparse_k) {
      TRINITY_CHECK(check_range("invalid_sparse_k", "sparse_k", *spec.sparse_k, spec.input_dim));
      width = *spec.sparse_k;
    }
    layout.effective_sparse_k = width;
    layout.input_partitions = {{0, width}};
  }
  layout.output_partitions = partition(layout.output_dim, layout.blocks);
  for (std::size_t i = 0; i < layout.blocks; ++i) {
    layout.parameter_count +=
        (layout.input_partitions[i].length + 1) * layout.output_partitions[i].length;
  }
  return layout;
}

Result<TrainableHead> TrainableHead::create(const HeadSpec& spec, const SeedTriple& seed) {
  TrainableHead head;
  TRINITY_TRY(head.layout_, head_layout(spec));
  head.parameters_.reserve(head.layout_.parameter_count);
  Exsss random(seed);
  for (std::size_t layer = 0; layer < head.layout_.blocks; ++layer) {
    const std::size_t in = head.layout_.input_partitions[layer].length;
    const std::size_t out = head.layout_.output_partitions[layer].length;
    const double limit = std::sqrt(6.0 / static_cast<double>(in + out));
    head.parameters_.insert(head.parameters_.end(), out, 0.0f);
    for (std::size_t i = 0; i < in * out; ++i) {
      head.parameters_.push_back(static_cast<float>((2.0 * random.uniform() - 1.0) * limit));
    }
  }
  return head;
}

Result<std::vector<float>> TrainableHead::logits(std::span<const float> input) const {
  if (input.size() != layout_.input_dim) {
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                "the head expects " + std::to_string(layout_.input_dim) + " inputs, got " +
                    std::to_string(input.size()) + "; use features of the head's model");
  }
  std::vector<float> logits(layout_.output_dim);
  const float* parameter = parameters_.data();
  for (std::size_t layer = 0; layer < layout_.blocks; ++layer) {
    const auto [in_start, in] = layout_.input_partitions[layer];
    const auto [out_start, out] = layout_.output_partitions[layer];
    for (std::size_t o = 0; o < out; ++o) {
      double sum = parameter[o];
      for (std::size_t i = 0; i < in; ++i) {
        sum += static_cast<double>(input[in_start + i]) * parameter[out + i * out + o];
      }
      logits[out_start + o] = static_cast<float>(sum);
    }
    parameter += (in + 1) * out;
  }
  return logits;
}

}  // namespace trinity::route
