// conversations: what a server sees. Many conversations share a system prompt and grow turn by
// turn, in random order; the prefix cache makes a turn cost its new tokens only.
//
// A turn is compared with a cold input of as many tokens as the turn adds. It computes as many
// rows, but each attends to all tokens before it: where attention costs as much per token as the
// products of a layer do (`equal_length` tokens), a turn costs twice the cold input at best.
// `attention-floor` states that bound for the median turn, in operations counted.
//
// prefix-lookup is the time of one look-up among 10,000 conversations, without a model: keys and
// values are stand-ins in pages of the real size of tokens.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"
#include "bench/model_bed.h"

namespace trinity::bench {
namespace {

struct Script {
  size_t conversations = 200;
  size_t system = 500;  // tokens that all share
  size_t turn = 100;    // new tokens of a turn
  size_t end = 2000;    // length at which a conversation ends
  size_t budget = size_t{8} << 30;
};

Script script_of(const BenchOptions& options, const model::ModelConfig& config) {
  Script script;
  if (options.short_mode) {
    script.conversations = 6;
    script.end = 900;
  } else if (options.names.empty()) {
    script.conversations = 10;  // one of many benchmarks
  }
  if (options.runs > 0) script.conversations = static_cast<size_t>(options.runs);
  const auto most = static_cast<size_t>(config.max_position_embeddings);
  if (script.end > most) {  // the same proportions in what the model reads
    script.system = most / 4;
    script.turn = std::max<size_t>(most / 20, 2);
    script.end = most;
  }
  return script;
}

class Conversations {
 public:
  Conversations(ModelBed& bed, const Script& script, const BenchSink& sink)
      : bed_(bed), script_(script), sink_(sink) {}

  Status run() {
    const size_t turns = (script_.end - script_.system) / script_.turn;
    std::mt19937 random(5);
    const std::vector<int32_t> system = random_ids(bed_.config, script_.system, 1);
    std::vector<std::vector<int32_t>> conversations(script_.conversations, system);
    std::vector<size_t> order;  // a conversation's next turn each
    for (size_t i = 0; i < script_.conversations; ++i) order.insert(order.end(), turns, i);
    std::shuffle(order.begin(), order.end(), random);
    TRINITY_CHECK(warm_up());
    for (size_t step = 0; step < order.size(); ++step) {
      std::vector<int32_t>& ids = conversations[order[step]];
      const bool first = ids.size() == script_.system;
      const std::vector<int32_t> more = random_ids(bed_.config, script_.turn, 100 + step);
      ids.insert(ids.end(), more.begin(), more.end());
      TRINITY_TRY(const Timed turn, timed(ids, {}));
      if (first) continue;  // the system prompt alone was cached
      turns_.add(turn.milliseconds);
      reused_ += static_cast<double>(turn.cached);
      wanted_ += static_cast<double>(ids.size() - script_.turn);
      lengths_.add(static_cast<double>(ids.size()) - static_cast<double>(script_.turn) / 2);
      if (step % 4 != 0) continue;
      TRINITY_TRY(const Timed cold, timed(more, {false, false, false}));
      cold_.add(cold.milliseconds);
    }
    report_all();
    return {};
  }

 private:
  struct Timed {
    double milliseconds = 0;
    int64_t cached = 0;
  };

  Result<Timed> timed(const std::vector<int32_t>& ids, const model::ExtractMode& mode) {
    Timed result;
    Status status;
    result.milliseconds = time_ms([&] {
      const auto states = bed_.extractor->extract({&ids, 1}, mode);
      if (states.front())
        result.cached = states.front()->cached_tokens;
      else
        status = tl::unexpected(states.front().error());
    });
    TRINITY_CHECK(std::move(status));
    return result;
  }

  Status warm_up() {
    const std::vector<int32_t> ids = random_ids(bed_.config, script_.turn, 99);
    for (int i = 0; i < 2; ++i) TRINITY_CHECK(timed(ids, {false, false, false}));
    return {};
  }

  void report_all() {
    const PrefixCacheStats stats = bed_.extractor->cache_stats();
    const Params params = {{"conversations", std::to_string(script_.conversations)},
                           {"system_tokens", std::to_string(script_.system)},
                           {"turn_tokens", std::to_string(script_.turn)},
                           {"end_tokens", std::to_string(script_.end)},
                           {"budget_bytes", std::to_string(stats.byte_budget)},
                           {"profile", json_string(bed_.profile.name)},
                           {"device", json_string(bed_.backend->info().device)}};
    report(sink_, "conversation-turn", params, "ms", turns_);
    report(sink_, "conversation-cold", params, "ms", cold_);
    const auto one = [&](const std::string& name, const std::string& unit, double value) {
      Samples single;
      single.add(value);
      report(sink_, name, params, unit, single);
    };
    one("turn/cold", "ratio", turns_.median() / cold_.median());
    const double equal = bed_.config.equal_cost_length();
    one("attention-floor", "ratio",
        (1 + lengths_.median() / equal) / (1 + static_cast<double>(script_.turn) / 2 / equal));
    one("prefix-hit-rate", "ratio", reused_ / std::max(wanted_, 1.0));
    one("prefix-cache", "MiB", static_cast<double>(stats.bytes) / 1048576.0);
    one("prefix-pages", "pages", static_cast<double>(stats.pages));
    one("prefix-evictions", "pages", static_cast<double>(stats.evictions));
  }

  ModelBed& bed_;
  const Script script_;
  const BenchSink& sink_;
  Samples turns_, cold_, lengths_;
  double reused_ = 0, wanted_ = 0;  // tokens
};

/// Keys and values in pages of 32 tokens that hold nothing.
class EmptyPages final : public backend::KvCache {
 public:
  explicit EmptyPages(int64_t length) : length_(length) {
    for (int64_t i = 0; i < length; i += 32) pages_.push_back(std::make_shared<int>(0));
  }
  int64_t length(int64_t) const override { return length_; }
  size_t bytes() const override { return pages_.size(); }
  std::unique_ptr<backend::KvCache> fork(int64_t length) const override {
    auto copy = std::make_unique<EmptyPages>(0);
    copy->length_ = length;
    copy->pages_.assign(pages_.begin(), pages_.begin() + (length + 31) / 32);
    return copy;
  }
  void clear(int64_t) override { length_ = 0; }
  int64_t page_tokens() const override { return 32; }
  size_t page_bytes() const override { return 1; }
  void share(const backend::KvCache& other, int64_t length) override {
    std::copy_n(static_cast<const EmptyPages&>(other).pages_.begin(), length / 32, pages_.begin());
  }

 private:
  int64_t length_;
  std::vector<std::shared_ptr<int>> pages_;
};

void measure_lookups(const BenchOptions& options, const BenchSink& sink) {
  const size_t count = options.short_mode ? 1000 : 10000, length = 2000, system = 500;
  model::ModelConfig any;
  any.vocab_size = 150000;
  const std::vector<int32_t> shared = random_ids(any, system, 1);
  std::vector<std::vector<int32_t>> inputs(count, shared);
  model::PrefixCache cache(size_t{1} << 40);
  for (size_t i = 0; i < count; ++i) {
    const std::vector<int32_t> rest = random_ids(any, length - system, 10 + i);
    inputs[i].insert(inputs[i].end(), rest.begin(), rest.end());
    cache.insert(inputs[i], std::make_unique<EmptyPages>(static_cast<int64_t>(length)));
    inputs[i].resize(length + 100, 7);  // the next turn
  }
  std::mt19937 random(3);
  Samples walk, whole;
  for (int run = 0; run < 1000; ++run) {
    const std::vector<int32_t>& ids = inputs[random() % count];
    walk.add(1000 * time_ms([&] { (void)cache.longest(ids); }));
    const std::vector<int32_t>& other = inputs[random() % count];
    model::PrefixCache::Match match;
    whole.add(1000 *
              time_ms([&] { match = cache.find(other, static_cast<int64_t>(other.size()) - 1); }));
  }
  const Params params = {{"conversations", std::to_string(count)},
                         {"tokens", std::to_string(length)}};
  report(sink, "prefix-walk", params, "us", walk);
  report(sink, "prefix-lookup", params, "us", whole);
}

}  // namespace

Status run_conversations(const BenchOptions& options, const BenchSink& sink) {
  measure_lookups(options, sink);
  TRINITY_TRY(ModelBed bed, make_bed(options, Script().budget));
  return Conversations(bed, script_of(options, bed.config), sink).run();
}

}  // namespace trinity::bench
