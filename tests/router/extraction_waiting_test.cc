// Callers that wait for a busy compute thread. The thread is held in the first operation of a call
// until the test has seen what it wants to see: no test waits for a clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>

#include "backend_registry/registry.h"
#include "base/try.h"
#include "model/checkpoint_source.h"
#include "router/extraction_service.h"
#include "router/router_support.h"

namespace trinity::testing {
namespace {

using Loaded = router::ExtractionService::Loaded;
using Clock = std::chrono::steady_clock;

/// Holds the first call of a service and notes what is computed.
struct Gate {
  std::latch entered{1}, open{1};
  bool passed = false;          // of the compute thread
  std::vector<int32_t> tokens;  // each once, in the order of computing
};

/// A source whose embedding passes through the gate: a call begins with it.
class HeldRows final : public model::TensorSource, public model::EmbeddingRows {
 public:
  HeldRows(const model::TensorSource& base, TensorView table, Gate& gate)
      : base_(base), rows_(std::move(table)), gate_(gate) {}
  Result<TensorView> tensor(const std::string& name) const override { return base_.tensor(name); }
  std::shared_ptr<const model::EmbeddingRows> embedding_rows() const override {
    return {std::shared_ptr<void>(), this};
  }
  int64_t vocab_size() const override { return rows_.vocab_size(); }
  Status gather(std::span<const int32_t> ids, std::span<float> out) const override {
    for (const int32_t id : ids)
      if (std::find(gate_.tokens.begin(), gate_.tokens.end(), id) == gate_.tokens.end())
        gate_.tokens.push_back(id);
    if (!gate_.passed) {
      gate_.passed = true;
      gate_.entered.count_down();
      gate_.open.wait();
    }
    return rows_.gather(ids, out);
  }

 private:
  const model::TensorSource& base_;
  model::TableRows rows_;
  Gate& gate_;
};

class Waiting : public ::testing::Test {
 protected:
  void start(const router::QueueLimits& limits) {
    service = take(router::ExtractionService::start(
        [this]() -> Result<Loaded> {
          Loaded loaded;
          TRINITY_TRY(loaded.backend, backend::create_backend("reference", {1}));
          model::ExtractorOptions options;
          options.prefix_cache_bytes = 0;
          TRINITY_TRY(loaded.extractor, model::FeatureExtractor::create(
                                            *loaded.backend, held_source, config, options));
          return loaded;
        },
        limits));
  }

  /// `tokens` tokens that are all `id`.
  router::PendingExtraction submit(int32_t id, size_t tokens, const RequestOptions& options = {}) {
    return take(service->submit({{std::vector<int32_t>(tokens, id)}, {}, options}));
  }
  static std::string tag(router::PendingExtraction pending) {
    const router::ExtractionReply reply = pending.get();
    return reply.states.front() ? "ok" : reply.states.front().error().tag;
  }

  Gate gate;
  const Checkpoint checkpoint = take(Checkpoint::open(small_model()));
  const model::CheckpointSource source{checkpoint};
  const HeldRows held_source{source, take(source.tensor("model.embed_tokens.weight")), gate};
  const model::ModelConfig config = take(model::load_model_config(small_model()));
  std::unique_ptr<router::ExtractionService> service;
};

TEST_F(Waiting, ABusyThreadKeepsNobodyWhoWantsToLeave) {
  start({3, 100});
  router::PendingExtraction first = submit(10, 3);
  gate.entered.wait();
  RequestOptions soon, cancelled;
  soon.deadline = Clock::now() + std::chrono::milliseconds(1);
  std::stop_source stop;
  cancelled.cancel = stop.get_token();
  router::PendingExtraction left = submit(20, 3, cancelled), stays = submit(40, 3);
  const auto refused = service->submit({{{50, 50}, {50, 50}}, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "queue_full");
  router::PendingExtraction expired = submit(30, 3, soon);
  stop.request_stop();
  EXPECT_EQ(tag(std::move(left)), "cancelled");
  EXPECT_EQ(tag(std::move(expired)), "deadline_exceeded");
  gate.open.count_down();
  EXPECT_EQ(tag(std::move(first)), "ok");
  EXPECT_EQ(tag(std::move(stays)), "ok");
  EXPECT_EQ(gate.tokens, (std::vector<int32_t>{10, 40})) << "nothing else was computed";
}

TEST_F(Waiting, WhatIsBeingComputedIsFinished) {
  start({});
  std::stop_source stop;
  RequestOptions options;
  options.cancel = stop.get_token();
  options.deadline = Clock::now() + std::chrono::hours(1);
  router::PendingExtraction first = submit(10, 3, options);
  gate.entered.wait();
  stop.request_stop();
  gate.open.count_down();
  EXPECT_EQ(tag(std::move(first)), "ok");
}

TEST_F(Waiting, ShortRequestsDoNotWaitForLongOnesOfOthers) {
  start({100, 8});
  router::PendingExtraction first = submit(10, 3);
  gate.entered.wait();
  router::PendingExtraction long_one = submit(20, 20), other = submit(30, 30);
  router::PendingExtraction one = submit(40, 3), two = submit(50, 4);
  gate.open.count_down();
  for (router::PendingExtraction* pending : {&first, &long_one, &other, &one, &two})
    EXPECT_EQ(tag(std::move(*pending)), "ok");
  EXPECT_EQ(gate.tokens, (std::vector<int32_t>{10, 40, 50, 20, 30}));
}

TEST_F(Waiting, EachReplySaysHowLongItWaited) {
  start({});
  router::PendingExtraction first = submit(10, 3);
  gate.entered.wait();
  const Stopwatch held;
  router::PendingExtraction second = submit(20, 3);
  const double before = held.elapsed_ms();
  gate.open.count_down();
  const router::ExtractionReply computed = first.get(), waited = second.get();
  EXPECT_GE(computed.compute_ms, before) << "it was held while the second one was asked for";
  EXPECT_GE(waited.queue_ms, 0);
  EXPECT_LE(waited.queue_ms + waited.compute_ms, held.elapsed_ms());
}

TEST_F(Waiting, WhatWaitsWhenTheServiceEndsIsAnswered) {
  start({});
  std::vector<router::PendingExtraction> pending;
  pending.push_back(submit(10, 3));
  gate.entered.wait();
  for (int32_t id = 20; id < 25; ++id) pending.push_back(submit(id, 3));
  gate.open.count_down();
  service.reset();
  for (router::PendingExtraction& one : pending) EXPECT_EQ(tag(std::move(one)), "ok");
}

TEST_F(Waiting, ManyCallersWhoLeaveDisturbNobody) {
  gate.passed = true;  // nothing is held
  start({64, 12});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int call = 0; call < 30; ++call) {
        std::stop_source stop;
        RequestOptions options;
        if (call % 3 == 1) options.deadline = Clock::now();
        if (call % 3 == 2) options.cancel = stop.get_token();
        const std::vector<int32_t> input(static_cast<size_t>(2 + call % 9), 5 + t);
        auto pending = service->submit({{input}, {}, options});
        if (call % 3 == 2) stop.request_stop();
        const std::string got = pending ? tag(std::move(*pending)) : pending.error().tag;
        // Whether one that leaves is computed depends on who was first; nobody else is refused.
        if (got != "ok" && !(call % 3 == 1 && got == "deadline_exceeded") &&
            !(call % 3 == 2 && got == "cancelled"))
          ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace trinity::testing
