// Counts in the text format of Prometheus.
#include "serve/metrics.h"

#include <gtest/gtest.h>

#include "serve/budget_text.h"

namespace trinity::testing {
namespace {

TEST(Metrics, AreWrittenInTheTextFormat) {
  serve::Metrics metrics;
  auto& calls = metrics.counter("calls_total", "Calls.", {"member", "result"});
  auto& time = metrics.histogram("call_seconds", "Time.");
  metrics.gauge("open", "Open ones.", [] { return 3.5; });
  calls.add({"a\"b\\c\nd", "ok"});
  calls.add({"a\"b\\c\nd", "ok"}, 2);
  time.observe({}, 0.0003);
  time.observe({}, 1000);
  const std::string text = metrics.text();
  EXPECT_NE(text.find("# HELP calls_total Calls.\n# TYPE calls_total counter\n"
                      "calls_total{member=\"a\\\"b\\\\c\\nd\",result=\"ok\"} 3\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("call_seconds_bucket{le=\"0.0002\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("call_seconds_bucket{le=\"0.0005\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("call_seconds_bucket{le=\"100\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("call_seconds_bucket{le=\"+Inf\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("call_seconds_count 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# TYPE open gauge\nopen 3.5\n"), std::string::npos) << text;
}

TEST(BudgetText, IsReadStrictly) {
  const auto budget = serve::parse_budget("key:alice=5.25usd/month");
  ASSERT_TRUE(budget) << budget.error().message;
  EXPECT_EQ(budget->subject, "key:alice");
  EXPECT_EQ(budget->caps.micro_usd, 5'250'000);
  EXPECT_EQ(budget->period, ledger::Period::month);
  EXPECT_EQ(serve::parse_budget("all=10calls")->period, ledger::Period::day);
  EXPECT_EQ(serve::parse_budget("key:*=7tokens/total")->caps.tokens, 7);
  for (const char* bad : {"", "all", "all=", "all=5", "all=5eur", "all=-1usd", "all=1.5calls",
                          "all=5usd/year", "all=nanusd", "all=1e300usd", "all= 5usd"})
    EXPECT_EQ(serve::parse_budget(bad).error().tag, "invalid_budget") << bad;
}

}  // namespace
}  // namespace trinity::testing
