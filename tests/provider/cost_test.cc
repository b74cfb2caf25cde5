// Costs in whole micro-USD, secrets kept out of texts, the queue that is fair.
#include "provider/cost.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"
#include "provider/fair_queue.h"
#include "provider/fitness.h"
#include "provider/secret.h"

namespace trinity::provider {
namespace {

chat::Usage usage(std::int64_t input, std::int64_t output, std::int64_t cached = 0) {
  chat::Usage made;
  made.input = input;
  made.output = output;
  made.cached_input = cached;
  return made;
}

TEST(Cost, MicroUsdOfTokens) {
  const Price price{150'000, 600'000, 75'000};  // 0.15, 0.60 and 0.075 USD a million
  EXPECT_EQ(cost_micro_usd(price, usage(1'000'000, 0)), 150'000);
  EXPECT_EQ(cost_micro_usd(price, usage(1'000'000, 1'000'000)), 750'000);
  EXPECT_EQ(cost_micro_usd(price, usage(1'000'000, 0, 1'000'000)), 75'000);
  EXPECT_EQ(cost_micro_usd(price, usage(1'000'000, 0, 400'000)), 90'000 + 30'000);
  EXPECT_EQ(cost_micro_usd(price, usage(0, 0)), 0);
  EXPECT_EQ(cost_micro_usd(price, usage(1, 0)), 1);  // rounded up, once
  EXPECT_EQ(cost_micro_usd({150'000, 600'000, {}}, usage(1'000'000, 0, 1'000'000)), 150'000);
}

TEST(Cost, UsageThatDoesNotAddUpIsTheDearer) {
  const Price price{1'000'000, 1'000'000, 0};
  EXPECT_EQ(cost_micro_usd(price, usage(10, 0, 50)), 0);  // never below nothing
  EXPECT_EQ(cost_micro_usd(price, usage(10, 0, -50)), 10);
  EXPECT_EQ(cost_micro_usd(price, usage(-10, -10)), 0);
  chat::Usage thoughts = usage(0, 5);
  thoughts.reasoning = 9;  // some hosts count thoughts beside the output
  EXPECT_EQ(cost_micro_usd(price, thoughts), 9);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(cost_micro_usd({most, most, {}}, usage(most, most)), most);
}

TEST(Cost, EstimatesSayThatTheyAre) {
  chat::ChatRequest request;
  request.messages.push_back({"user", {{chat::Part::Kind::text, "12345678"}}});
  chat::ChatMessage reply{"assistant", {{chat::Part::Kind::text, "1234"}}};
  const chat::Usage made = estimated_usage(request, reply);
  EXPECT_TRUE(made.estimated);
  EXPECT_EQ(made.output, 1);
  EXPECT_EQ(made.input, 4 + 2);
  EXPECT_EQ(estimated_usage(request, reply, [](std::string_view) { return 100; }).output, 100);
  request.messages[0].content.push_back({chat::Part::Kind::image, "", Json{{"type", "image_url"}}});
  EXPECT_GT(estimated_input(request), 500);
}

TEST(Fitness, WhatAMemberCannotTake) {
  MemberConfig member;
  member.name = "m";
  const auto tag = [&](const chat::ChatRequest& request) {
    const auto error = unfit(member, request);
    return error ? error->tag : "";
  };
  chat::ChatRequest plain;
  plain.messages.push_back({"user", {{chat::Part::Kind::text, "hello"}}});
  EXPECT_EQ(tag(plain), "");
  std::vector<std::pair<chat::ChatRequest, bool Capabilities::*>> cases;
  const auto add = [&](bool Capabilities::*capability) -> chat::ChatRequest& {
    return cases.emplace_back(plain, capability).first;
  };
  using Kind = chat::Part::Kind;
  for (const auto& [kind, capability] :
       {std::pair(Kind::image, &Capabilities::vision), std::pair(Kind::audio, &Capabilities::audio),
        std::pair(Kind::file, &Capabilities::files)})
    add(capability).messages[0].content.push_back({kind, "", Json{{"type", "x"}}});
  add(&Capabilities::tools).tools.push_back({"f"});
  add(&Capabilities::schema).format.kind = chat::OutputFormat::Kind::json_schema;
  add(&Capabilities::json).format.kind = chat::OutputFormat::Kind::json_object;
  add(&Capabilities::logprobs).sampling.logprobs = true;
  add(&Capabilities::choices).n = 2;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    member.capabilities = {};
    EXPECT_EQ(tag(cases[i].first), i < 3 ? "unsupported_modality" : "unsupported_value") << i;
    member.capabilities.*cases[i].second = true;
    EXPECT_EQ(tag(cases[i].first), "") << i;
  }
}

TEST(Fitness, ConversationsThatAreTooLong) {
  MemberConfig member;
  member.context = 100;
  chat::ChatRequest request;
  request.messages.push_back({"user", {{chat::Part::Kind::text, std::string(4 * 90, 'x')}}});
  EXPECT_FALSE(unfit(member, request));  // 94 tokens, one at least for the answer
  request.sampling.max_tokens = 7;
  ASSERT_TRUE(unfit(member, request));
  EXPECT_EQ(unfit(member, request)->tag, "context_length_exceeded");
  member.max_output = 5;  // the member lowers the wish
  EXPECT_FALSE(unfit(member, request));
  member.context.reset();
  request.messages[0].content[0].text.assign(1 << 20, 'x');
  EXPECT_FALSE(unfit(member, request));
}

TEST(Fitness, WhatIsSetAsideForACall) {
  MemberConfig member;
  chat::ChatRequest request;
  request.messages.push_back({"user", {{chat::Part::Kind::text, "12345678"}}});
  EXPECT_FALSE(most_it_may_cost(member, request));
  member.price = Price{1'000'000, 10'000'000, {}};
  EXPECT_EQ(most_it_may_cost(member, request), 6 + 10 * 4'096);
  member.max_output = 100;
  EXPECT_EQ(most_it_may_cost(member, request), 6 + 10 * 100);
  request.sampling.max_tokens = 50;
  request.n = 2;
  EXPECT_EQ(most_it_may_cost(member, request), 6 + 10 * 100);
}

TEST(Secret, WhatIsShownHoldsNoKeys) {
  const std::vector<Secret> secrets = {Secret("hunter2-hunter2"), Secret("")};
  const std::string shown = fit_to_show(
      "bad key hunter2-hunter2, also sk-proj-abcdefghijklmnop and Bearer abcdefghijklmnop, "
      "Incorrect API key provided: sk-ab***********wxyz. AIzaSyA1234567890 ok",
      secrets);
  for (const char* part : {"hunter2", "abcdefgh", "wxyz", "sk-ab", "A1234567890"})
    EXPECT_EQ(shown.find(part), std::string::npos) << shown;
  EXPECT_NE(shown.find(" ok"), std::string::npos);
  EXPECT_EQ(fit_to_show("I use sk-learn and a task-list", {}), "I use sk-learn and a task-list");
  EXPECT_EQ(fit_to_show("the Bearer of bad news", {}), "the Bearer of bad news");
  EXPECT_LE(fit_to_show(std::string(1 << 20, 'x'), {}).size(), 310u);
  EXPECT_EQ(fit_to_show("a\x1b[31mb", {}).find('\x1b'), std::string::npos);
}

TEST(FairQueue, ClientsTakeTurns) {
  FairQueue<int> queue;
  for (int i = 0; i < 4; ++i) queue.push("greedy", i);
  queue.push("modest", 10);
  queue.push("other", 20);
  std::vector<int> order;
  while (const auto next = queue.pop()) order.push_back(*next);
  EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 1, 2, 3}));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(FairQueue, WhatIsTakenOutDoesNotComeUp) {
  FairQueue<int> queue;
  queue.push("a", 1);
  queue.push("b", 2);
  queue.push("a", 3);
  EXPECT_TRUE(queue.remove("b", 2));
  EXPECT_FALSE(queue.remove("b", 2));
  EXPECT_FALSE(queue.remove("a", 2));
  EXPECT_EQ(queue.pop(), 1);
  queue.push("b", 4);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_EQ(queue.pop(), 4);
  EXPECT_FALSE(queue.pop());
}

}  // namespace
}  // namespace trinity::provider
