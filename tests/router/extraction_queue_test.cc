// The queue in front of the compute thread: whose turn it is, what is refused, what leaves early.
#include "router/extraction_queue.h"

#include <gtest/gtest.h>

#include "router/router_support.h"

namespace trinity::testing {
namespace {

using Clock = router::ExtractionQueue::Clock;
using Job = router::ExtractionQueue::Job;
using Tokens = std::vector<size_t>;

const Clock::time_point kNow = Clock::time_point(std::chrono::hours(10));

Job job_of(size_t tokens, const model::ExtractMode& mode = {}, const RequestOptions& options = {}) {
  return std::make_shared<router::ExtractionJob>(
      router::ExtractionRequest{{std::vector<int32_t>(tokens, 1)}, mode, options});
}

Job wide_job(size_t inputs) {
  return std::make_shared<router::ExtractionJob>(
      router::ExtractionRequest{std::vector<std::vector<int32_t>>(inputs, {1}), {}, {}});
}

/// Holds six inputs and merges ten tokens.
class Queue : public ::testing::Test {
 protected:
  Job push(const Job& job) {
    EXPECT_TRUE(queue.push(job, kNow));
    return job;
  }
  Tokens taken() {
    Tokens tokens;
    for (const Job& job : queue.take(kNow)) tokens.push_back(job->tokens);
    return tokens;
  }
  static std::string tag(const Job& job) { return job->reply().get().states.front().error().tag; }

  router::ExtractionQueue queue{{6, 10}};
};

TEST_F(Queue, TheOldestIsTakenAndThenTheShortestThatFit) {
  for (const size_t tokens : {3, 9, 2, 4}) push(job_of(tokens));
  EXPECT_EQ(taken(), (Tokens{3, 2, 4}));
  EXPECT_EQ(taken(), (Tokens{9}));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(taken(), Tokens());
}

TEST_F(Queue, AmongEquallyShortOnesTheOlderGoesFirst) {
  push(job_of(6));
  const Job first = push(job_of(4)), second = push(job_of(4));
  EXPECT_EQ(queue.take(kNow).back(), first);
  EXPECT_EQ(queue.take(kNow).front(), second);
}

TEST_F(Queue, ALongOneLetsShortOnesPassOnce) {
  for (const size_t tokens : {50, 3, 60, 4}) push(job_of(tokens));
  EXPECT_EQ(taken(), (Tokens{3, 4}));
  push(job_of(2));
  EXPECT_EQ(taken(), (Tokens{50})) << "it has waited enough";
  EXPECT_EQ(taken(), (Tokens{2}));
  EXPECT_EQ(taken(), (Tokens{60}));
}

TEST_F(Queue, ALongOneIsTakenAtOnceWhenNothingBehindItIsShort) {
  push(job_of(50));
  EXPECT_EQ(taken(), (Tokens{50}));
  push(job_of(50));
  push(job_of(60));
  EXPECT_EQ(taken(), (Tokens{50}));
  EXPECT_EQ(taken(), (Tokens{60}));
}

TEST_F(Queue, OnlyOneModeIsComputedTogether) {
  model::ExtractMode full;
  full.full = true;
  push(job_of(3));
  push(job_of(1, full));
  push(job_of(2));
  push(job_of(2, full));
  EXPECT_EQ(taken(), (Tokens{3, 2}));
  EXPECT_EQ(taken(), (Tokens{1, 2}));
}

TEST_F(Queue, IsBoundedInInputs) {
  push(wide_job(20));  // nothing waits: one of any size is taken
  const Status refused = queue.push(wide_job(1), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "queue_full");
  EXPECT_EQ(refused.error().kind, ErrorKind::failed);
  EXPECT_NE(refused.error().message.find("20 inputs wait"), std::string::npos);
  EXPECT_EQ(queue.take(kNow).size(), 1U);
  push(wide_job(3));
  push(wide_job(3));
  EXPECT_FALSE(queue.push(wide_job(1), kNow));
}

TEST_F(Queue, WhatIsLateIsAnsweredAndNotTaken) {
  RequestOptions late, in_time;
  late.deadline = kNow;
  in_time.deadline = kNow + std::chrono::milliseconds(1);
  const Job gone = push(job_of(3, {}, late));
  push(job_of(4, {}, in_time));
  EXPECT_EQ(taken(), (Tokens{4}));
  EXPECT_EQ(tag(gone), "deadline_exceeded");
}

TEST_F(Queue, WhatIsCancelledIsAnsweredAtOnceAndMakesRoom) {
  std::stop_source source;
  RequestOptions options;
  options.cancel = source.get_token();
  std::vector<Job> jobs;
  for (size_t i = 0; i < 6; ++i) jobs.push_back(push(job_of(2, {}, options)));
  EXPECT_FALSE(queue.push(job_of(1), kNow));
  source.request_stop();
  for (const Job& job : jobs) EXPECT_EQ(tag(job), "cancelled");
  push(job_of(1));
  EXPECT_EQ(taken(), (Tokens{1}));
  const Job never = push(job_of(1, {}, options));
  EXPECT_EQ(tag(never), "cancelled") << "before it was queued";
  EXPECT_EQ(taken(), Tokens());
}

TEST_F(Queue, WhatIsTakenCanNoLongerBeCancelled) {
  std::stop_source source;
  RequestOptions options;
  options.cancel = source.get_token();
  const Job job = push(job_of(2, {}, options));
  EXPECT_EQ(queue.take(kNow).size(), 1U);
  source.request_stop();
  router::ExtractionReply reply;
  reply.compute_ms = 7;
  job->answer(std::move(reply));
  EXPECT_EQ(job->reply().get().compute_ms, 7);
}

TEST_F(Queue, TheOldestCanBeTakenWithoutChoosing) {
  push(job_of(50));
  push(job_of(3));
  EXPECT_EQ(queue.take_oldest()->tokens, 50U);
  EXPECT_EQ(queue.take_oldest()->tokens, 3U);
  EXPECT_EQ(queue.take_oldest(), nullptr);
}

}  // namespace
}  // namespace trinity::testing
