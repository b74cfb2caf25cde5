#include "model/feature_extractor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"

namespace trinity::model {
namespace {

/// Rows that are computed in one forward pass before a new one is begun.
constexpr int64_t kGroupRows = 4096;

/// Tokens that are worth a group of their own to compute them once: reading all weights for few
/// rows costs as much as some ten rows do in company.
constexpr int64_t kWorthWaiting = 64;

}  // namespace

/// One input on its way through a group.
struct FeatureExtractor::Work {
  size_t index = 0;              // place in the caller's list
  std::span<const int32_t> ids;  // tokens whose rows exist after the pass: 0..T−2, or all T
  int64_t token_count = 0;       // T
  int64_t cached = 0;
  std::unique_ptr<backend::KvCache> kv;  // null: nothing is kept
  int64_t new_rows() const { return static_cast<int64_t>(ids.size()) - cached; }
};

FeatureExtractor::FeatureExtractor(backend::Backend& backend, const ModelConfig& config,
                                   const ExtractorOptions& options)
    : backend_(backend),
      config_(config),
      options_(options),
      cache_(options.prefix_cache_bytes, config.equal_cost_length()) {}

Result<std::unique_ptr<FeatureExtractor>> FeatureExtractor::create(
    backend::Backend& backend, const TensorSource& source, const ModelConfig& config,
    const ExtractorOptions& options) {
  std::unique_ptr<FeatureExtractor> extractor(new FeatureExtractor(backend, config, options));
  TRINITY_TRY(ModelWeights weights, prepare_weights(backend, source, config));
  TRINITY_CHECK(extractor->adopt(std::move(weights)));
  return extractor;
}

Status FeatureExtractor::adopt(ModelWeights weights) {
  std::unique_ptr<backend::PreparedPass> whole;
  if (backend::WholePass* offered = backend_.whole_pass()) {
    TRINITY_TRY(whole, offered->prepare(layer_stack(weights, config_)));
  }
  whole_ = std::move(whole);
  weights_ = std::move(weights);
  cache_.clear();
  return {};
}

Status FeatureExtractor::replace(std::span<const std::string> names, const TensorSource& source) {
  TRINITY_TRY(ModelWeights weights, replace_weights(backend_, weights_, names, source, config_));
  return adopt(std::move(weights));
}

Status FeatureExtractor::check(std::span<const int32_t> ids) const {
  if (ids.empty())
    return fail(ErrorKind::invalid_input, "empty_transcript",
                "the input has no tokens; give at least one message");
  if (static_cast<int64_t>(ids.size()) > config_.max_position_embeddings)
    return fail(ErrorKind::invalid_input, "input_too_long",
                fmt::format("the input has {} tokens, but this model reads at most {}; shorten it",
                            ids.size(), config_.max_position_embeddings));
  for (const int32_t id : ids)
    if (id < 0 || id >= config_.vocab_size) return token_out_of_range(id, config_.vocab_size);
  return {};
}

/// Whether the group is about to compute a long beginning of `ids` that the cache lacks.
bool FeatureExtractor::waits_for(std::span<const Work> group, std::span<const int32_t> ids,
                                 const ExtractMode& mode) const {
  if (group.empty() || group.front().kv == nullptr || !mode.prefix_cache || mode.full ||
      mode.all_positions || ids.size() < 3)
    return false;
  ids = ids.first(ids.size() - 2);  // what a cache may give: one of the T − 1 rows is computed
  const auto needed = static_cast<size_t>(cache_.longest(ids) + kWorthWaiting);
  if (ids.size() < needed) return false;
  const auto begins_alike = [beginning = ids.first(needed)](const Work& work) {
    return work.ids.size() >= beginning.size() &&
           std::equal(beginning.begin(), beginning.end(), work.ids.begin());
  };
  return std::any_of(group.begin(), group.end(), begins_alike);
}

Result<FeatureExtractor::Work> FeatureExtractor::plan(size_t index, std::span<const int32_t> ids,
                                                      const ExtractMode& mode) {
  TRINITY_CHECK(check(ids));
  Work work;
  work.index = index;
  work.token_count = static_cast<int64_t>(ids.size());
  const bool whole = mode.full || mode.all_positions;
  work.ids = whole || ids.size() == 1 ? ids : ids.first(ids.size() - 1);
  if (whole || !mode.prefix_cache) return work;

  // An input too large to be kept is computed without keeping keys and values of all layers.
  const backend::KvShape shape{config_.num_hidden_layers, config_.num_key_value_heads,
                               config_.head_dim};
  if (backend_.kv_bytes_per_token(shape) > cache_.byte_budget() / work.ids.size()) return work;
  // At least one row must be computed: it is the one that is read.
  PrefixCache::Match match = cache_.find(work.ids, static_cast<int64_t>(work.ids.size()) - 1);
  work.cached = match.length;
  work.kv = std::move(match.kv);
  if (work.kv == nullptr) {
    TRINITY_TRY(work.kv, backend_.make_kv_cache(shape));
  }
  return work;
}

void FeatureExtractor::run_group(std::span<Work> group, const ExtractMode& mode,
                                 std::vector<Result<HiddenStates>>& results) {
  std::vector<SequenceInput> sequences;
  for (const Work& work : group)
    sequences.push_back(
        {work.ids.subspan(static_cast<size_t>(work.cached)), work.cached, work.kv.get()});
  ForwardOptions options;
  options.full = mode.full;
  options.all_positions = mode.all_positions || mode.full;
  options.chunk_rows = options_.chunk_rows;
  options.whole = whole_.get();
  auto rows = forward(backend_, config_, weights_, sequences, options);
  const auto hidden = static_cast<size_t>(config_.hidden_size);
  for (size_t i = 0; i < group.size(); ++i) {
    Work& work = group[i];
    if (!rows) {
      results[work.index] = tl::unexpected(rows.error());
      continue;
    }
    HiddenStates states;
    states.token_count = work.token_count;
    states.hidden_index = std::max<int64_t>(work.token_count - 2, 0);
    states.cached_tokens = work.cached;
    states.values = std::move((*rows)[i]);
    if (mode.full && !mode.all_positions) {
      const auto begin =
          states.values.begin() + static_cast<std::ptrdiff_t>(hidden) * states.hidden_index;
      states.values = std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(hidden));
    }
    results[work.index] = std::move(states);
    if (work.kv != nullptr) cache_.insert(work.ids, std::move(work.kv));
  }
}

std::vector<Result<HiddenStates>> FeatureExtractor::extract(
    std::span<const std::vector<int32_t>> inputs, const ExtractMode& mode) {
  std::vector<Result<HiddenStates>> results(inputs.size());
  std::vector<Work> group;
  int64_t group_rows = 0;
  const auto flush = [&] {
    if (!group.empty()) run_group(group, mode, results);
    group.clear();
    group_rows = 0;
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (waits_for(group, inputs[i], mode)) flush();
    auto work = plan(i, inputs[i], mode);
    if (!work) {
      results[i] = tl::unexpected(std::move(work.error()));
      continue;
    }
    // A forward pass keeps keys and values for all of its sequences or for none.
    const bool mixed = !group.empty() && (group.front().kv != nullptr) != (work->kv != nullptr);
    if (mixed || group_rows + work->new_rows() > kGroupRows) flush();
    group_rows += work->new_rows();
    group.push_back(std::move(*work));
  }
  flush();
  return results;
}

}  // namespace trinity::model
