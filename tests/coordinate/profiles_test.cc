// The profiles `safe` and `author`.
#include <gtest/gtest.h>

#include "coordinate/loop_support.h"

namespace trinity::coordinate {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// ---- safe ---------------------------------------------------------------------------------------

TEST(Safe, AVerifierCannotBeChosenBeforeThereIsAnAnswer) {
  TestRun run(LoopProfile::safe);
  run.options.loop.max_turns = 2;
  run.options.decide = decide_with(ones(), head_for(kVerifier));
  run.options.ask = ask_with(replies({"4", "ACCEPT: good"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "4");
  EXPECT_EQ(run.outcome().answer, "4");
  EXPECT_TRUE(run.outcome().verified);
  EXPECT_EQ(run.outcome().final_status, "accepted");
  const auto routes = run.of("route_selected");
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_TRUE(routes[0]["role_masked"].as_bool());
  EXPECT_EQ(routes[0]["selected_role"].as_string(), "Worker");
  EXPECT_FALSE(routes[1]["role_masked"].as_bool());
  EXPECT_EQ(routes[1]["selected_role"].as_string(), "Verifier");
  EXPECT_EQ(run.events[0]["loop_profile"].as_string(), "safe");
  EXPECT_EQ(run.result.transcript.size(), 3u);
}

TEST(Safe, EveryRoleThatVerifiesIsMaskedUnderWhateverNumber) {
  TestRun run(LoopProfile::safe);
  run.options.loop.max_turns = 1;
  run.options.loop.role_names = {{0, "v"}, {1, "Worker"}, {2, "VERIFIER"}};
  run.options.decide = [](const DecideStep& step) -> Result<Decided> {
    EXPECT_EQ(step.rule.masked_roles, (std::vector<int>{0, 2}));
    return Decided{facts(), decision_for(0, kVerifier, step.rule)};
  };
  run.options.ask = ask_with(replies({"done"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "done");
}

TEST(Safe, ASuggestedVerifierWaitsForAnAnswer) {
  TestRun run(LoopProfile::safe);
  run.options.loop.max_turns = 2;
  run.options.decide = decide_roles({kThinker, kWorker});
  run.options.ask = ask_with(
      replies({"<suggestion>x</suggestion><suggested_role>verifier</suggested_role>", "worked"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "worked");
  EXPECT_FALSE(run.of("route_selected")[1]["role_override_from_thinker"].as_bool());
}

TEST(Safe, AnUnverifiedAnswerSaysSo) {
  TestRun run(LoopProfile::safe);
  run.options.loop.max_turns = 2;
  run.options.decide = decide_roles({kWorker, kVerifier});
  run.options.ask = ask_with(replies({"4", "REJECT: no"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "4");
  EXPECT_FALSE(run.outcome().verified);
  EXPECT_EQ(run.outcome().final_status, "max_turns_latest_worker_response");
  EXPECT_EQ(run.of("turn_completed")[1]["verifier_parse_status"].as_string(), "revised");
}

TEST(Safe, ABudgetThatEndsLeavesTheAnswer) {
  TestRun run(LoopProfile::safe);
  run.options.loop.budgets.max_provider_calls = 1;
  run.options.decide = decide_roles({kWorker});
  run.options.ask = ask_with(replies({"4"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "4");
  EXPECT_EQ(run.outcome().final_status, "budget_exceeded");
  EXPECT_FALSE(run.outcome().verified);
  ASSERT_TRUE(run.result.finished.budget);
  EXPECT_EQ(run.result.finished.budget->kind, "provider_calls");
  EXPECT_EQ(run.events.back()["event"].as_string(), "run_completed");
  EXPECT_EQ(run.events.back()["details"]["limit"].as_int64(), 1);
}

TEST(Safe, ABudgetThatEndsBeforeAnyAnswerIsAnError) {
  TestRun run(LoopProfile::safe);
  run.options.loop.budgets.max_provider_calls = 0;
  run.options.decide = decide_roles({kWorker});
  run.run();
  EXPECT_EQ(run.tag(), "budget_exceeded");
}

/// A Verifier's turn on an answer that is there; the hook is told which agent it plays.
TestRun& verify(TestRun& run, const std::function<Result<std::string>(int agent)>& reply) {
  run.options.loop.max_turns = 1;
  run.options.decide = decide_roles({kVerifier});
  run.options.ask =
      ask_with([reply](auto, auto, const HookFacts& facts) { return reply(facts.agent_id); });
  run.run(kAnswered);
  EXPECT_EQ(run.outcome().text, "4");
  return run;
}

Result<std::string> broken() { return fail(ErrorKind::failed, "timeout", "too slow"); }

TEST(Safe, AVerifierThatFailsIsReplacedOnce) {
  TestRun run(LoopProfile::safe);
  verify(run, [](int agent) -> Result<std::string> {
    if (agent == 0) return broken();
    return std::string("ACCEPT");
  });
  EXPECT_TRUE(run.outcome().verified);
  const auto calls = run.of("provider_called");
  ASSERT_EQ(calls.size(), 4u);
  EXPECT_EQ(calls[1]["status"].as_string(), "error");
  EXPECT_EQ(calls[2]["selected_agent"].as_int64(), 1);
  EXPECT_EQ(calls[2]["instead_of_agent"].to_int64(), 0);
  EXPECT_TRUE(calls[0]["instead_of_agent"].is_null());
  EXPECT_EQ(run.of("turn_completed")[0]["selected_agent"].as_int64(), 1);
}

TEST(Safe, AVerifierThatAbstainsIsReplacedOnce) {
  TestRun run(LoopProfile::safe);
  verify(run, [](int agent) { return std::string(agent == 0 ? "I cannot say" : "ACCEPT"); });
  EXPECT_TRUE(run.outcome().verified);
  EXPECT_EQ(run.result.transcript.size(), 3u);  // what abstained is not in it
}

TEST(Safe, TwoThatSayNothingLeaveTheAnswerUnverified) {
  TestRun failed(LoopProfile::safe);
  verify(failed, [](int) { return broken(); });
  EXPECT_EQ(failed.outcome().final_status, "verifier_failed");
  EXPECT_FALSE(failed.outcome().verified);
  EXPECT_EQ(failed.of("provider_called").size(), 4u);

  TestRun abstained(LoopProfile::safe);
  verify(abstained, [](int) { return std::string("hm"); });
  EXPECT_EQ(abstained.outcome().final_status, "verifier_abstained");
  EXPECT_FALSE(abstained.outcome().verified);
  EXPECT_EQ(abstained.result.transcript.size(), 2u);
}

TEST(Safe, WithOneMemberNobodyElseIsAsked) {
  TestRun run(LoopProfile::safe);
  run.options.loop.num_agents = 1;
  verify(run, [](int) { return broken(); });
  EXPECT_EQ(run.of("provider_called").size(), 2u);
  EXPECT_EQ(run.outcome().final_status, "verifier_failed");
}

TEST(Safe, ASecondVerifierCountsAsACall) {
  TestRun run(LoopProfile::safe);
  run.options.loop.budgets.max_provider_calls = 1;
  verify(run, [](int) { return broken(); });
  EXPECT_EQ(run.outcome().final_status, "budget_exceeded");
}

TEST(Safe, AVerifierThatIsNotThereIsReplacedToo) {
  TestRun run(LoopProfile::safe);
  run.options.loop.member = [](int id) -> Result<trace::MemberFacts> {
    if (id == 0) return fail(ErrorKind::usage, "provider_disabled", "switched off");
    return trace::MemberFacts{"openai",     "m",          std::nullopt,
                              std::nullopt, std::nullopt, std::nullopt};
  };
  verify(run, [](int agent) -> Result<std::string> {
    EXPECT_EQ(agent, 1);
    return std::string("ACCEPT");
  });
  EXPECT_TRUE(run.outcome().verified);
}

TEST(Safe, AWorkerThatFailsStillFails) {
  TestRun run(LoopProfile::safe);
  run.options.decide = decide_roles({kWorker});
  run.options.ask = ask_with([](auto, auto, const auto&) { return broken(); });
  run.run(kAnswered);
  EXPECT_EQ(run.tag(), "timeout");
}

TEST(Safe, TheOtherVerifierIsTheRoutersSecondChoice) {
  TestRun run(LoopProfile::safe);
  run.options.loop.num_agents = 4;
  run.options.loop.max_turns = 1;
  run.options.decide = [](const DecideStep& step) -> Result<Decided> {
    const std::vector<float> logits = {1, 5, 0, 3, 0, 0, 9};
    auto chosen = route::select_route(logits, 4, 3, step.rule);
    return Decided{facts(), route::make_decision(*chosen, std::monostate{}, {})};
  };
  std::vector<int> asked;
  run.options.ask = ask_with([&asked](auto, auto, const HookFacts& facts) {
    asked.push_back(facts.agent_id);
    return broken();
  });
  run.run(kAnswered);
  EXPECT_EQ(asked, (std::vector<int>{1, 3}));
}

// ---- author -------------------------------------------------------------------------------------

TEST(Author, SamplesAndReadsAChatTemplate) {
  const LoopOptions options = default_options(LoopProfile::author);
  EXPECT_EQ(options.rule.agent_selection, SelectionMode::sample);
  EXPECT_EQ(options.rule.role_selection, SelectionMode::sample);
  EXPECT_EQ(options.input_mode, InputMode::chat_raw);
  EXPECT_EQ(default_options(LoopProfile::safe).rule.agent_selection, SelectionMode::argmax);
}

TEST(Author, EveryTurnDrawsWithASeedOfItsOwn) {
  TestRun run(LoopProfile::author);
  run.options.loop.rule.seed = std::int64_t{40};
  run.options.loop.max_turns = 3;
  std::vector<std::int64_t> seeds;
  run.options.decide = [&seeds](const DecideStep& step) -> Result<Decided> {
    seeds.push_back(std::get<std::int64_t>(step.rule.seed));
    return Decided{facts(), decision_for(0, kWorker)};
  };
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  EXPECT_EQ(seeds, (std::vector<std::int64_t>{40, 41, 42}));
}

TEST(Author, OnlyIdeasAreShared) {
  TestRun run(LoopProfile::author);
  std::vector<std::vector<Message>> read, sent;
  const std::vector<int> roles = {kWorker, kThinker, kThinker, kVerifier};
  run.options.decide = [&](const DecideStep& step) -> Result<Decided> {
    read.push_back(step.messages);
    return Decided{facts(), decision_for(0, roles.at(static_cast<std::size_t>(step.turn)))};
  };
  const std::vector<std::string> said = {
      "Long work. <idea> use parity </idea> The answer is 4.",
      "<suggestion>try small cases</suggestion><suggested_role>solver</suggested_role>",
      "no tags in this answer", "ACCEPT, well done"};
  std::size_t next = 0;
  run.options.ask =
      ask_with([&](auto, std::span<const Message> messages, const auto&) -> Result<std::string> {
        sent.emplace_back(messages.begin(), messages.end());
        return said.at(next++);
      });
  run.run({{"user", "THE TASK"}});
  EXPECT_EQ(run.outcome().text, "no tags in this answer");
  EXPECT_TRUE(run.outcome().verified);
  EXPECT_EQ(run.result.transcript.size(), 1u);

  ASSERT_EQ(read.size(), 4u);
  for (const auto& messages : read) {
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[0].role, "system");
    EXPECT_TRUE(contains(messages[0].content, "among 2 agents"));
    EXPECT_TRUE(messages[1].content.starts_with("THE TASK\n\n"));
  }
  EXPECT_FALSE(contains(read[0][1].content, "<reference_thought_1>"));
  EXPECT_TRUE(contains(read[1][1].content, "<reference_thought_1>\nuse parity\n"));
  EXPECT_FALSE(contains(read[1][1].content, "Long work"));
  EXPECT_EQ(read[2][1].content, read[1][1].content);  // a Thinker adds nothing
  EXPECT_TRUE(contains(read[3][1].content, "<reference_thought_2>\nno tags in this answer\n"));

  ASSERT_EQ(sent.size(), 4u);
  EXPECT_FALSE(contains(sent[0][1].content, "<suggestion>"));
  EXPECT_TRUE(contains(sent[1][1].content, "<info>\nLong work."));
  // The third turn is the suggested solver's.
  EXPECT_TRUE(contains(sent[2][1].content, "<suggestion>\ntry small cases\n</suggestion>"));
  EXPECT_TRUE(sent[3][1].content.starts_with("<query>\nTHE TASK\n</query>"));
  EXPECT_TRUE(contains(sent[3][1].content, "<response>\nno tags in this answer\n</response>"));
  EXPECT_EQ(run.events[0]["loop_profile"].as_string(), "author");
}

TEST(Author, AVerifierBeforeAnyAnswerEndsTheEpisode) {
  TestRun run(LoopProfile::author);
  run.options.loop.rule = {};  // not drawn: the roles are those of the script
  run.options.decide = decide_roles({kVerifier});
  run.run(kAnswered);
  EXPECT_EQ(run.outcome().final_status, "ended_without_response");
  EXPECT_EQ(run.outcome().text, "");
  EXPECT_EQ(run.outcome().answer, std::nullopt);
  EXPECT_FALSE(run.outcome().verified);
  EXPECT_TRUE(run.events.back()["response_hash"].is_null());
}

TEST(Author, AVerdictThatIsNoneRejects) {
  TestRun run(LoopProfile::author);
  run.options.loop.max_turns = 2;
  run.options.loop.rule = {};  // not drawn: the roles are those of the script
  run.options.decide = decide_roles({kWorker, kVerifier});
  run.options.ask = ask_with(replies({"4", "I could ACCEPT or REJECT"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "4");
  EXPECT_EQ(run.outcome().final_status, "max_turns_latest_worker_response");
}

TEST(Author, AConversationOfSeveralMessagesIsOneTask) {
  TestRun run(LoopProfile::author);
  run.options.loop.max_turns = 1;
  std::string task;
  run.options.decide = [&task](const DecideStep& step) -> Result<Decided> {
    task = step.messages[1].content;
    return Decided{facts(), decision_for(0, kWorker)};
  };
  run.options.ask = ask_with(replies({"x"}));
  run.run({{"system", "Be brief."}, {"user", "Why?"}});
  EXPECT_TRUE(task.starts_with("system: Be brief.\nuser: Why?\n"));
}

}  // namespace
}  // namespace trinity::coordinate
