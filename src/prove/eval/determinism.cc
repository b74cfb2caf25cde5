#include "prove/eval/determinism.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "prove/eval/prompt_eval.h"

namespace trinity::prove {
namespace {

/// Collects repeats and counts the cases that agree in all of them.
class RungBuilder {
 public:
  explicit RungBuilder(const DeterminismSubject& subject)
      : subject_(subject), same_(subject.first.size(), true), same_choice_(same_) {}

  void add(std::string name, const RoutePrints& prints) {
    repeats_.push_back(std::move(name));
    for (std::size_t i = 0; i < same_.size(); ++i) {
      const RoutePrint& first = subject_.first[i];
      const bool known = i < prints.size();
      same_[i] = same_[i] && known && prints[i].hash == first.hash;
      same_choice_[i] = same_choice_[i] && known && prints[i].agent_id == first.agent_id &&
                        prints[i].role_id == first.role_id;
    }
  }

  Rung finish() {
    Rung rung;
    rung.of = same_.size();
    rung.repeats = std::move(repeats_);
    for (std::size_t i = 0; i < same_.size(); ++i) {
      if (same_[i])
        ++rung.equal;
      else
        rung.different.push_back(subject_.ids[i]);
      if (!same_choice_[i]) rung.flipped.push_back(subject_.ids[i]);
    }
    return rung;
  }

 private:
  const DeterminismSubject& subject_;
  std::vector<bool> same_;         // by hash
  std::vector<bool> same_choice_;  // by agent and role
  std::vector<std::string> repeats_;
};

/// One way to compute the same cases again.
struct Variant {
  std::size_t batch;  // 0: all at once
  bool reversed;
  bool prefix_cache;
};

// With one number of threads, in this order: the third variant meets the cache that the second one
// filled. Sizes are chosen to cut the sequence of rows at different places.
constexpr Variant kVariants[] = {{1, false, false}, {5, true, true}, {16, false, true}};
constexpr Variant kMoreVariants[] = {{0, true, false}, {3, false, true}, {7, true, true}};

std::string variant_name(const Variant& variant, int threads, bool warm) {
  return fmt::format(
      "{}, {}, {}{}",
      variant.batch == 0 ? std::string("one batch") : fmt::format("batches of {}", variant.batch),
      threads == 1 ? "1 thread" : fmt::format("{} threads", threads),
      !variant.prefix_cache ? "no cache"
      : warm                ? "warm cache"
                            : "cold cache",
      variant.reversed ? ", reversed" : "");
}

RoutePrints run_variant(const Router& router, const DeterminismSubject& subject,
                        const Variant& variant) {
  std::vector<QueryView> queries(subject.queries.begin(), subject.queries.end());
  if (variant.reversed) std::reverse(queries.begin(), queries.end());
  InputOptions input = subject.input;
  input.prefix_cache = variant.prefix_cache;
  RoutePrints prints =
      route_prints(route_in_batches(router, queries, input, subject.rule, variant.batch));
  if (variant.reversed) std::reverse(prints.begin(), prints.end());
  return prints;
}

}  // namespace

RoutePrints route_prints(std::span<const Result<Decision>> decisions) {
  RoutePrints out;
  for (const Result<Decision>& decision : decisions)
    out.push_back(decision ? RoutePrint{decision->route_hash.value_or(""), decision->agent_id,
                                        decision->role_id}
                           : RoutePrint());
  return out;
}

std::vector<std::string> DeterminismReport::broken() const {
  std::vector<std::string> out;
  for (const std::optional<Rung>* rung : {&process, &restart, &batch}) {
    if (!*rung) continue;
    for (const std::string& id : claims_bits() ? (*rung)->different : (*rung)->flipped)
      if (std::find(out.begin(), out.end(), id) == out.end()) out.push_back(id);
  }
  return out;
}

Rung repeat_in_process(const Router& router, const DeterminismSubject& subject, int runs) {
  RungBuilder builder(subject);
  for (int run = 2; run <= runs; ++run)
    builder.add(
        fmt::format("run {}", run),
        route_prints(route_in_batches(router, subject.queries, subject.input, subject.rule, 0)));
  return builder.finish();
}

Result<Rung> repeat_in_new_process(const DeterminismSubject& subject,
                                   const std::function<Result<RoutePrints>()>& new_process) {
  TRINITY_TRY(const RoutePrints prints, new_process());
  if (prints.size() != subject.first.size())
    return fail(ErrorKind::failed, "restart_failed",
                fmt::format("the new process answered {} of {} cases; run the command again",
                            prints.size(), subject.first.size()));
  RungBuilder builder(subject);
  builder.add("new process", prints);
  return builder.finish();
}

Result<Rung> repeat_in_other_batches(const DeterminismSubject& subject,
                                     const std::function<Result<Router>(int threads)>& load) {
  RungBuilder builder(subject);
  for (const int threads : {1, 2}) {
    TRINITY_TRY(const Router router, load(threads));
    bool warm = false;
    for (const Variant& variant : threads == 1 ? std::span<const Variant>(kVariants)
                                               : std::span<const Variant>(kMoreVariants)) {
      builder.add(variant_name(variant, threads, warm), run_variant(router, subject, variant));
      warm = warm || variant.prefix_cache;
    }
  }
  return builder.finish();
}

}  // namespace trinity::prove
