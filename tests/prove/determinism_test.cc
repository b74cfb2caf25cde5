// The three rungs of determinism.
#include "prove/eval/determinism.h"

#include <gtest/gtest.h>

#include "prove/lab_support.h"

namespace trinity::testing {
namespace {

/// Short built-in cases, routed once.
class Determinism : public ::testing::Test {
 protected:
  void SetUp() override {
    set = take(prove::built_in_eval_cases());
    std::erase_if(set.cases, [](const prove::EvalCase& one) {
      std::size_t bytes = 0;
      for (const Message& message : one.messages) bytes += message.content.size();
      return bytes > 300;
    });
    set.cases.resize(40);
    for (const prove::EvalCase& one : set.cases) ids.push_back(one.id);
    queries = prove::case_queries(set.cases);
    router = std::make_unique<Router>(take(Router::load(tiny_options("cpu_f32"))));
    subject.ids = ids;
    subject.queries = queries;
    subject.input.prefix_cache = false;
    subject.first =
        prove::route_prints(prove::route_in_batches(*router, queries, subject.input, {}, 0));
  }

  prove::EvalCaseSet set;
  std::vector<std::string> ids;
  std::vector<QueryView> queries;  // of the set
  std::unique_ptr<Router> router;
  prove::DeterminismSubject subject;
};

TEST_F(Determinism, TheSameProcessRepeatsEveryCase) {
  const prove::Rung rung = prove::repeat_in_process(*router, subject, 3);
  EXPECT_EQ(rung.equal, 40u);
  EXPECT_EQ(rung.of, 40u);
  EXPECT_EQ(rung.repeats.size(), 2u);
  EXPECT_TRUE(rung.different.empty());
}

TEST_F(Determinism, OtherBatchesThreadsAndCacheStatesRepeatEveryCase) {
  std::vector<int> threads;
  const prove::Rung rung = take(prove::repeat_in_other_batches(subject, [&](int count) {
    threads.push_back(count);
    RouterOptions options = tiny_options("cpu_f32");
    options.threads = count;
    return Router::load(options);
  }));
  EXPECT_EQ(threads, (std::vector<int>{1, 2}));
  EXPECT_EQ(rung.equal, 40u) << fmt::format("{}", fmt::join(rung.different, ", "));
  std::string all;
  for (const std::string& repeat : rung.repeats) all += repeat + "\n";
  for (const char* part : {"cold cache", "warm cache", "no cache", "reversed", "batches of 1,",
                           "one batch", "2 threads"})
    EXPECT_NE(all.find(part), std::string::npos) << part;
}

TEST_F(Determinism, ADifferenceIsCountedAndNamed) {
  subject.first[3].hash = "changed";
  subject.first[17] = {};
  const prove::Rung rung = prove::repeat_in_process(*router, subject, 2);
  EXPECT_EQ(rung.equal, 38u);
  EXPECT_EQ(rung.different, (std::vector<std::string>{ids[3], ids[17]}));
  EXPECT_EQ(rung.flipped, std::vector<std::string>{ids[17]});
  EXPECT_EQ(rung.equal_decisions(), 39u);
  prove::DeterminismReport report;
  report.process = rung;
  report.batch = rung;
  report.exactness = backend::Exactness::bit_stable;
  EXPECT_EQ(report.broken(), rung.different) << "each once";
  report.exactness = backend::Exactness::decision_stable;
  EXPECT_EQ(report.broken(), rung.flipped) << "bits were not promised";
}

TEST_F(Determinism, ANewProcessIsComparedCaseByCase) {
  prove::RoutePrints prints = subject.first;
  EXPECT_EQ(take(prove::repeat_in_new_process(subject,
                                              [&] { return Result<prove::RoutePrints>(prints); }))
                .equal,
            40u);
  prints[0].hash = "x";
  EXPECT_EQ(take(prove::repeat_in_new_process(subject,
                                              [&] { return Result<prove::RoutePrints>(prints); }))
                .different,
            std::vector<std::string>{ids[0]});
  prints.pop_back();
  EXPECT_EQ(
      prove::repeat_in_new_process(subject, [&] { return Result<prove::RoutePrints>(prints); })
          .error()
          .tag,
      "restart_failed");
  const auto broken = prove::repeat_in_new_process(subject, []() -> Result<prove::RoutePrints> {
    return fail(ErrorKind::failed, "restart_failed", "no");
  });
  EXPECT_FALSE(broken);
}

TEST(DeterminismReports, OnlyALaneWithEqualBitsClaimsThem) {
  const auto claims = [](backend::Exactness exactness) {
    prove::DeterminismReport report;
    report.exactness = exactness;
    return report.claims_bits();
  };
  EXPECT_FALSE(claims(backend::Exactness::decision_stable));
  EXPECT_TRUE(claims(backend::Exactness::bit_stable));
  EXPECT_TRUE(claims(backend::Exactness::exact));
  EXPECT_TRUE(claims(backend::Exactness::oracle));
}

}  // namespace
}  // namespace trinity::testing
