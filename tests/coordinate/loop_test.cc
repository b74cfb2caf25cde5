// The loop of the profile `reference`: results, events, budgets.
#include <gtest/gtest.h>

#include "coordinate/loop_support.h"
#include "hash/canonical.h"

namespace trinity::coordinate {
namespace {

constexpr const char* kTurn =
    "turn_started slm_extracted route_selected provider_called:started provider_called:ok "
    "turn_completed";

std::string whole_run(int turns, const std::string& end) {
  std::string text = "run_started";
  for (int i = 0; i < turns; ++i) text += std::string(" ") + kTurn;
  return text + " " + end;
}

TEST(Loop, OR_1_WithoutAContextNothingIsDecided) {
  TestRun run;
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  EXPECT_EQ(run.tag(), "missing_slm_context");
  EXPECT_EQ(run.names(), "run_started turn_started run_failed");
  EXPECT_EQ(run.events.back()["reason"].as_string(), "missing_slm_context");
  EXPECT_EQ(run.events.back()["turn"].as_int64(), 0);
}

TEST(Loop, OR_3_AFailingMemberLeavesTheEventsThatLedToIt) {
  TestRun run;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = [](const CallStep&) -> Result<Answer> {
    return fail(ErrorKind::usage, "missing_openai_api_key", "no key");
  };
  run.run();
  EXPECT_EQ(run.tag(), "missing_openai_api_key");
  EXPECT_EQ(run.names(),
            "run_started turn_started slm_extracted route_selected provider_called:started "
            "provider_called:error run_failed");
  EXPECT_TRUE(run.of("slm_extracted")[0]["vector_backend"].is_string());
}

TEST(Loop, OR_4_TheStartNamesTheArtifact) {
  TestRun run;
  run.options.loop.max_turns = 0;
  run.options.loop.runtime_metadata = {{"trinity_artifact_manifest_hash", "cafebabe"},
                                       {"trinity_artifact_manifest_path", "/tmp/manifest.json"},
                                       {"trinity_artifact_base_model_repo", "Qwen/Qwen3-0.6B"}};
  run.run();
  EXPECT_EQ(run.tag(), "max_turns_reached");
  EXPECT_EQ(run.names(), "run_started run_failed");
  EXPECT_EQ(run.events[0]["runtime_metadata"], run.options.loop.runtime_metadata);
  EXPECT_EQ(run.events[0]["loop_profile"].as_string(), "reference");
  EXPECT_FALSE(run.events[1].contains("turn"));
}

TEST(Loop, OM_1_AVerifierAcceptsTheAnswerThatIsThere) {
  TestRun run;
  run.options.decide = decide_with(ones(), head_for(kVerifier));
  std::vector<Message> sent;
  HookFacts told;
  run.options.ask = ask_with([&](std::string_view role, std::span<const Message> messages,
                                 const HookFacts& facts) -> Result<std::string> {
    EXPECT_EQ(role, "verifier");
    sent.assign(messages.begin(), messages.end());
    told = facts;
    return std::string("ACCEPT: it is 4");
  });
  const RunResult& result = run.run(kAnswered);
  EXPECT_EQ(run.outcome().text, "ACCEPT: it is 4");
  EXPECT_EQ(run.outcome().answer, "4");
  EXPECT_EQ(run.outcome().final_status, "accepted");
  EXPECT_TRUE(run.outcome().verified);
  EXPECT_EQ(run.outcome().turns, 1);
  EXPECT_EQ(told.agent_id, 0);
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].role, "system");
  EXPECT_EQ(result.transcript.back().content, "ACCEPT: it is 4");
  EXPECT_EQ(result.transcript.size(), 3u);
  EXPECT_EQ(run.names(), whole_run(1, "run_completed"));
  EXPECT_EQ(run.events.back()["response_hash"].as_string(),
            *hash::trace_text_hash("ACCEPT: it is 4"));
}

TEST(Loop, OM_2_TheLatestWorkerAnswersAtTheTurnCap) {
  TestRun run;
  run.options.loop.max_turns = 1;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  int calls = 0;
  run.options.ask = ask_with([&](auto, auto, const auto&) -> Result<std::string> {
    ++calls;
    return std::string("the worker says 4");
  });
  run.run();
  EXPECT_EQ(run.outcome().text, "the worker says 4");
  EXPECT_EQ(run.outcome().final_status, "max_turns_latest_worker_response");
  EXPECT_FALSE(run.outcome().verified);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(run.events.back()["turn"].as_int64(), 1);
}

constexpr const char* kSuggestsSolver =
    "<suggestion>compute</suggestion><suggested_role>solver</suggested_role>";

TEST(Loop, OM_3_AThinkersSuggestionOverridesTheNextRoleOnce) {
  TestRun run;
  run.options.loop.max_turns = 3;
  run.options.decide = decide_with(ones(), head_for(kThinker));
  run.options.ask = ask_with(replies({kSuggestsSolver, "worked", "no more suggestions"}));
  run.run();
  EXPECT_EQ(run.outcome().text, "worked");
  const auto routes = run.of("route_selected");
  ASSERT_EQ(routes.size(), 3u);
  EXPECT_EQ(routes[0]["selected_role"].as_string(), "Thinker");
  EXPECT_EQ(routes[1]["selected_role"].as_string(), "Worker");
  EXPECT_EQ(routes[1]["selected_role_id"].as_int64(), 0);
  EXPECT_EQ(routes[1]["raw_selected_role"].as_string(), "Thinker");
  EXPECT_EQ(routes[1]["raw_selected_role_id"].as_int64(), 1);
  EXPECT_TRUE(routes[1]["role_override_from_thinker"].as_bool());
  EXPECT_EQ(routes[1]["role_override_suggestion_hash"].as_string(),
            *hash::trace_text_hash("compute"));
  EXPECT_FALSE(routes[2]["role_override_from_thinker"].as_bool());
  const auto turns = run.of("turn_completed");
  EXPECT_EQ(turns[0]["thinker_suggested_role"].as_string(), "Worker");
  EXPECT_EQ(turns[1]["route_decision"]["role_name"].as_string(), "Worker");
  EXPECT_TRUE(turns[0]["verifier_parse_status"].is_null());
  EXPECT_TRUE(turns[1]["verifier_status"].is_null());
}

TEST(Loop, ASuggestionIsIgnoredWhereItIsNotRespected) {
  TestRun run;
  run.options.loop.max_turns = 2;
  run.options.loop.respect_thinker_suggestions = false;
  run.options.decide = decide_roles({kThinker});
  run.options.ask = ask_with(replies({kSuggestsSolver}));
  run.run();
  EXPECT_EQ(run.tag(), "max_turns_reached");
  EXPECT_EQ(run.of("route_selected")[1]["selected_role"].as_string(), "Thinker");
}

TEST(Loop, ASuggestedVerifierBeforeAnyAnswerStillFails) {
  TestRun run;
  run.options.decide = decide_roles({kThinker});
  run.options.ask =
      ask_with(replies({"<suggestion>x</suggestion><suggested_role>verifier</suggested_role>"}));
  run.run();
  EXPECT_EQ(run.tag(), "verifier_before_worker_response");
}

TEST(Loop, OM_4_AVerifierBeforeAnyAnswerIsAnError) {
  TestRun run;
  run.options.decide = decide_with(ones(), head_for(kVerifier));
  run.options.ask = ask_with(replies({"ACCEPT"}));
  run.run();
  EXPECT_EQ(run.tag(), "verifier_before_worker_response");
  EXPECT_EQ(run.names(), "run_started turn_started slm_extracted route_selected run_failed");
  EXPECT_EQ(run.of("route_selected")[0]["selected_role"].as_string(), "Verifier");
  EXPECT_EQ(run.events.back()["reason"].as_string(), "verifier_before_worker_response");
}

TEST(Loop, OM_5_AMembersErrorIsTheRunsError) {
  TestRun run;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = ask_with([&run](auto, auto, const auto&) -> Result<std::string> {
    run.clock.advance_ms(7);
    return fail(ErrorKind::failed, "boom", "it broke");
  });
  run.run();
  EXPECT_EQ(run.tag(), "boom");
  const auto calls = run.of("provider_called");
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1]["status"].as_string(), "error");
  EXPECT_EQ(calls[1]["provider_latency_ms"].to_int64(), 7);
  EXPECT_EQ(calls[1]["error"].as_string(), "boom: it broke");
  EXPECT_EQ(run.events.back()["reason"].as_string(), "boom");
  EXPECT_TRUE(run.of("run_completed").empty());
  EXPECT_EQ(run.result.transcript.size(), 1u);
}

TEST(Loop, OM_6_TheHookIsToldRoleAndAgent) {
  TestRun run;
  run.options.loop.max_turns = 1;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask =
      ask_with([](std::string_view role, auto, const HookFacts& facts) -> Result<std::string> {
        EXPECT_EQ(role, "worker");
        EXPECT_EQ(facts.role, "worker");
        EXPECT_EQ(facts.role_name, "Worker");
        EXPECT_EQ(facts.agent_id, 0);
        return std::string("done");
      });
  run.run();
  EXPECT_EQ(run.outcome().text, "done");
}

TEST(Loop, OM_7_EventsCarryModesProbabilitiesAndVerdicts) {
  TestRun run;
  run.options.loop.rule.return_probabilities = true;
  run.options.decide = decide_with(ones(), head_for(kVerifier));
  run.options.ask = ask_with(replies({"ACCEPT fine"}));
  run.run(kAnswered);
  ASSERT_EQ(run.of("slm_extracted").size(), 1u);
  const Json route = run.of("route_selected")[0];
  EXPECT_EQ(route["agent_selection_mode"].as_string(), "argmax");
  EXPECT_EQ(route["role_selection_mode"].as_string(), "argmax");
  EXPECT_EQ(route["agent_probabilities"].size(), 2u);
  EXPECT_EQ(route["role_probabilities"].size(), 3u);
  EXPECT_EQ(route["logits"].size(), 5u);
  const Json started = run.of("provider_called")[0], ok = run.of("provider_called")[1];
  EXPECT_EQ(started["provider"].as_string(), "mock");
  EXPECT_EQ(started["provider_model"].as_string(), "mock_agent_fn");
  EXPECT_TRUE(started["provider_base_url"].is_null());
  EXPECT_EQ(started["selected_role"].to_int64(), 2);
  EXPECT_EQ(ok["provider_mode"].as_string(), "mock");
  EXPECT_TRUE(ok["mock"].as_bool());
  EXPECT_EQ(ok["selected_role_name"].as_string(), "Verifier");
  EXPECT_TRUE(ok["provider_latency_ms"].to_int64());
  EXPECT_TRUE(ok["dispatch_started"].as_bool());
  const Json turn = run.of("turn_completed")[0];
  EXPECT_EQ(turn["verifier_parse_status"].as_string(), "accepted");
  EXPECT_EQ(turn["verifier_status"].as_string(), "accepted");
  EXPECT_TRUE(turn["final"].as_bool());
}

TEST(Loop, AnUnknownVerdictAsksForRevision) {
  TestRun run;
  run.options.loop.max_turns = 1;
  run.options.decide = decide_roles({kVerifier});
  run.options.ask = ask_with(replies({"hm"}));
  run.run(kAnswered);
  EXPECT_EQ(run.outcome().text, "4");
  const Json turn = run.of("turn_completed")[0];
  EXPECT_EQ(turn["verifier_parse_status"].as_string(), "unknown");
  EXPECT_EQ(turn["verifier_status"].as_string(), "revised");
  EXPECT_EQ(turn["verifier_diagnosis_hash"].as_string(), *hash::trace_text_hash("hm"));
}

TEST(Loop, RolesMayHaveOtherNamesAndAnUnknownOneWorks) {
  TestRun run;
  run.options.loop.max_turns = 2;
  run.options.loop.role_names = {{1, "Critic"}};
  run.options.decide = decide_roles({kThinker, kVerifier});
  std::vector<std::string> roles;
  run.options.ask = ask_with([&roles](std::string_view role, std::span<const Message> sent,
                                      const HookFacts& facts) -> Result<std::string> {
    roles.push_back(std::string(role) + "/" + facts.role_name + "/" +
                    sent[0].content.substr(0, 14));
    return std::string("said");
  });
  run.run();
  EXPECT_EQ(roles, (std::vector<std::string>{"unknown/Critic/You are an ass",
                                             "worker/Worker/You are the Wo"}));
  EXPECT_EQ(run.outcome().text, "said");
}

TEST(Loop, AFailureToSelectIsARoutingFailure) {
  TestRun run;
  run.options.decide = [](const DecideStep&) -> Result<Decided> {
    return Decided{facts(), fail(ErrorKind::invalid_input, "non_finite_logits", "a NaN")};
  };
  run.run();
  EXPECT_EQ(run.tag(), "routing_failed");
  EXPECT_NE(run.result.finished.outcome.error().message.find("a NaN"), std::string::npos);
  EXPECT_EQ(run.names(), "run_started turn_started slm_extracted run_failed");
}

TEST(Loop, AMemberThatIsNotThereIsNeverAsked) {
  TestRun run;
  run.options.loop.member = [](int id) -> Result<trace::MemberFacts> {
    return fail(ErrorKind::usage, "unknown_agent", "no agent " + std::to_string(id));
  };
  run.options.decide = decide_roles({kWorker});
  run.options.ask = [](const CallStep&) -> Result<Answer> {
    ADD_FAILURE() << "it was asked";
    return Answer{};
  };
  run.run();
  EXPECT_EQ(run.tag(), "unknown_agent");
  const auto calls = run.of("provider_called");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["status"].as_string(), "error");
  EXPECT_FALSE(calls[0].contains("provider_latency_ms"));
}

TEST(Loop, MembersAreNamedInTheTraceAndTheirTokensSummed) {
  TestRun run;
  run.options.loop.mock = false;
  run.options.loop.max_turns = 2;
  run.options.loop.member = [](int) -> Result<trace::MemberFacts> {
    return trace::MemberFacts{"openai", "gpt-4o-mini", "https://me:pw@api/v1", 30000, 200, 0.2};
  };
  run.options.decide = decide_roles({kWorker});
  run.options.ask = [](const CallStep&) -> Result<Answer> {
    return Answer{"x", Usage{10, 3, 4, 1, false}, 0.25, "", "gpt-4o-mini-2024"};
  };
  run.run();
  EXPECT_EQ(run.outcome().usage, (Usage{20, 6, 8, 2, false}));
  EXPECT_EQ(run.outcome().cost_usd, 0.5);
  EXPECT_EQ(run.events[0]["provider_mode"].as_string(), "live");
  const auto calls = run.of("provider_called");
  EXPECT_EQ(calls[0]["provider_base_url"].as_string(), "https://<redacted>@api/v1");
  EXPECT_EQ(calls[0]["provider_max_tokens"].as_int64(), 200);
  EXPECT_EQ(calls[1]["provider_model"].as_string(), "gpt-4o-mini-2024");
  EXPECT_EQ(calls[1]["usage"]["input"].as_int64(), 10);
  EXPECT_EQ(run.of("turn_completed")[0]["cost_usd"].as_double(), 0.25);
}

TEST(Loop, NoEventHoldsAPromptOrAnAnswer) {
  TestRun run;
  run.options.loop.max_turns = 4;
  run.options.trace.content = trace::Content::full;
  run.options.decide = decide_roles({kWorker, kThinker, kVerifier, kVerifier});
  run.options.ask = ask_with(replies(
      {"ANSWERTEXT", "<suggestion>ADVICETEXT</suggestion><suggested_role>verifier</suggested_role>",
       "REVISE DIAGNOSISTEXT", "ACCEPT FINALTEXT"}));
  run.run({{"user", "QUESTIONTEXT"}});
  EXPECT_EQ(run.outcome().text, "ACCEPT FINALTEXT");
  for (const Json& event : run.events)
    EXPECT_EQ(json_text(event).find("TEXT"), std::string::npos) << json_text(event);
}

TEST(Loop, InvalidOptionsAreRefusedBeforeAnyEvent) {
  const auto tag = [](const std::function<void(RunOptions&)>& change) {
    TestRun run;
    run.options.decide = decide_roles({kWorker});
    change(run.options);
    run.run();
    EXPECT_TRUE(run.events.empty());
    return run.tag();
  };
  EXPECT_EQ(tag([](RunOptions& o) { o.loop.max_turns = -1; }), "invalid_max_turns");
  EXPECT_EQ(tag([](RunOptions& o) { o.loop.budgets.max_provider_calls = -1; }), "invalid_budget");
  EXPECT_EQ(tag([](RunOptions& o) { o.loop.budgets.max_estimated_cost_usd = -1; }),
            "invalid_budget");
  EXPECT_EQ(tag([](RunOptions& o) { o.trace.sink = nullptr; }), "invalid_trace_sink");
  TestRun run;
  run.run({{"oracle", "x"}});
  EXPECT_EQ(run.tag(), "unsupported_message_role");
  EXPECT_TRUE(run.events.empty());
}

// ---- what drives it wrongly ---------------------------------------------------------------------

Loop loop_of(const std::shared_ptr<trace::MemorySink>& sink) {
  LoopOptions options;
  options.num_agents = kAgents;
  trace::TraceOptions trace;
  trace.enabled = true;
  trace.sink = sink;
  return {options, {{"user", "x"}}, *trace::Trace::open(trace), ManualClock().clock()};
}

TEST(Loop, StepsOutOfTurnEndTheRunOnce) {
  for (const bool calling : {false, true}) {
    const auto sink = std::make_shared<trace::MemorySink>();
    Loop loop = loop_of(sink);
    loop.begin();
    Step step;
    if (calling) {
      loop.decided(Decided{facts(), decision_for(0, kWorker)});
      step = loop.decided(Decided{facts(), decision_for(0, kWorker)});
    } else {
      step = loop.answered(Answer{"x"});
    }
    ASSERT_TRUE(std::holds_alternative<Finished>(step));
    EXPECT_EQ(std::get<Finished>(step).outcome.error().tag, "unexpected_orchestrator_state");
    const std::size_t events = sink->events().size();
    EXPECT_TRUE(trace::check_order(sink->events()));
    for (Step again : {loop.begin(), loop.answered(Answer{"x"}), loop.cancel()})
      EXPECT_EQ(std::get<Finished>(again).outcome.error().tag, "unexpected_orchestrator_state");
    EXPECT_EQ(sink->events().size(), events);
  }
  const auto sink = std::make_shared<trace::MemorySink>();
  Loop fresh = loop_of(sink);
  EXPECT_TRUE(std::holds_alternative<Finished>(fresh.answered(Answer{"x"})));
  EXPECT_TRUE(sink->events().empty());
}

TEST(Loop, ACancelledRunEndsWhereverItStands) {
  for (int stage = 0; stage < 3; ++stage) {
    const auto sink = std::make_shared<trace::MemorySink>();
    Loop loop = loop_of(sink);
    if (stage > 0) loop.begin();
    if (stage > 1) loop.decided(Decided{facts(), decision_for(0, kWorker)});
    const Step step = loop.cancel();
    EXPECT_EQ(std::get<Finished>(step).outcome.error().tag, "cancelled");
    if (stage == 0)
      EXPECT_TRUE(sink->events().empty());
    else
      EXPECT_TRUE(trace::check_order(sink->events())) << stage;
  }
}

/// Fails from its n-th write on.
class FailingSink : public trace::Sink {
 public:
  explicit FailingSink(int good) : good_(good) {}
  Status write(const Json& event) override {
    if (good_-- > 0) return kept_.write(event);
    return fail(ErrorKind::failed, "trace_write_failed", "no room");
  }
  std::size_t written() const { return kept_.events().size(); }

 private:
  int good_;
  trace::MemorySink kept_;
};

TEST(Loop, ASinkThatFailsEndsTheRunWithItsError) {
  for (int good = 0; good < 9; ++good) {
    TestRun run;
    const auto sink = std::make_shared<FailingSink>(good);
    run.options.trace.sink = sink;
    run.options.loop.max_turns = 1;
    run.options.decide = decide_roles({kWorker});
    int calls = 0;
    run.options.ask = ask_with([&calls](auto, auto, const auto&) -> Result<std::string> {
      ++calls;
      return std::string("x");
    });
    run.run();
    EXPECT_EQ(run.tag(), good < 8 ? "trace_write_failed" : "no error") << good;
    EXPECT_EQ(calls, good > 4 ? 1 : 0) << good;
    EXPECT_EQ(sink->written(), static_cast<std::size_t>(std::min(good, 8)));
  }
}

// ---- budgets ------------------------------------------------------------------------------------

TEST(Budget, OB_1_WithoutBudgetsARunGoesThrough) {
  TestRun run;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  EXPECT_EQ(run.outcome().turns, 5);
  EXPECT_EQ(run.names(), whole_run(5, "run_completed"));
}

void expect_calls(std::int64_t limit) {
  TestRun run;
  run.options.loop.budgets.max_provider_calls = limit;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  int calls = 0;
  run.options.ask = ask_with([&calls](auto, auto, const auto&) -> Result<std::string> {
    ++calls;
    return std::string("x");
  });
  run.run();
  EXPECT_EQ(run.tag(), "budget_exceeded");
  ASSERT_TRUE(run.result.finished.budget);
  const BudgetExceeded& budget = *run.result.finished.budget;
  EXPECT_EQ(budget.kind, "provider_calls");
  EXPECT_EQ(budget.limit, static_cast<double>(limit));
  EXPECT_EQ(budget.observed, static_cast<double>(limit + 1));
  EXPECT_EQ(budget.checkpoint, "before_dispatch");
  EXPECT_EQ(calls, limit);
  const Json failed = run.events.back();
  EXPECT_EQ(failed["reason"], Json::array({"budget_exceeded", "provider_calls"}));
  EXPECT_EQ(failed["details"], (Json{{"limit", limit},
                                     {"observed", limit + 1},
                                     {"checkpoint", "before_dispatch"},
                                     {"turn", limit}}));
  EXPECT_EQ(run.of("run_failed").size(), 1u);
  EXPECT_EQ(run.of("provider_called").size(), static_cast<std::size_t>(2 * limit));
}

TEST(Budget, OB_2_TwoCallsAndNoThird) { expect_calls(2); }
TEST(Budget, OB_3_OneCallAndNoSecond) { expect_calls(1); }
TEST(Budget, NoCallAtAll) { expect_calls(0); }

TEST(Budget, OB_4_NoTimeAtAll) {
  TestRun run;
  run.options.loop.budgets.max_wall_time_ms = 0;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.run();
  EXPECT_EQ(run.tag(), "budget_exceeded");
  EXPECT_EQ(run.result.finished.budget->kind, "wall_time");
  EXPECT_EQ(run.events.back()["details"],
            (Json{{"limit_ms", 0}, {"elapsed_ms", 0}, {"checkpoint", "turn_start"}, {"turn", 0}}));
  EXPECT_EQ(run.names(), "run_started run_failed");
}

TestRun& latency_run(TestRun& run, std::int64_t limit, std::int64_t takes) {
  run.options.loop.max_turns = 1;
  run.options.loop.budgets.max_provider_latency_ms = limit;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = ask_with([&run, takes](auto, auto, const auto&) -> Result<std::string> {
    run.clock.advance_ms(takes);
    return std::string("x");
  });
  run.run();
  return run;
}

TEST(Budget, OB_6_ASlowCallIsTooLate) {
  TestRun run;
  latency_run(run, 10, 40);
  EXPECT_EQ(run.tag(), "budget_exceeded");
  EXPECT_EQ(run.result.finished.budget->kind, "provider_latency_ms");
  EXPECT_EQ(run.result.finished.budget->observed, 40);
  EXPECT_EQ(run.result.finished.budget->checkpoint, "after_dispatch");
  EXPECT_EQ(run.result.finished.budget->turn, 0);
  EXPECT_EQ(run.names(),
            "run_started turn_started slm_extracted route_selected provider_called:started "
            "provider_called:ok run_failed");
  EXPECT_EQ(run.result.transcript.size(), 1u);
}

TEST(Budget, OB_7_AFastCallIsNot) {
  TestRun run;
  EXPECT_EQ(latency_run(run, 10, 10).outcome().text, "x");
}

TEST(Budget, OB_8_RejectionsAreCounted) {
  TestRun run;
  run.options.loop.budgets.max_verifier_revisions = 2;
  run.options.decide = decide_with(ones(), head_for(kVerifier));
  run.options.ask = ask_with(replies({"REVISE: no"}));
  run.run(kAnswered);
  EXPECT_EQ(run.tag(), "budget_exceeded");
  EXPECT_EQ(run.result.finished.budget->kind, "verifier_revisions");
  EXPECT_EQ(run.result.finished.budget->observed, 3);
  EXPECT_EQ(run.result.finished.budget->checkpoint, "after_verifier_revision");
}

TEST(Budget, OB_9_MoneyIsEstimated) {
  TestRun run;
  run.options.loop.budgets.max_estimated_cost_usd = 1.0;
  std::vector<DispatchRecord> seen;
  run.options.loop.cost_estimator = [&seen](const DispatchRecord& record) {
    seen.push_back(record);
    return std::optional(0.5);
  };
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  EXPECT_EQ(run.tag(), "budget_exceeded");
  EXPECT_EQ(run.result.finished.budget->kind, "estimated_cost_usd");
  EXPECT_EQ(run.result.finished.budget->observed, 1.0);
  EXPECT_EQ(run.result.finished.budget->checkpoint, "after_dispatch");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].response_text, "x");
  EXPECT_EQ(seen[0].provider, "mock");
  EXPECT_TRUE(seen[0].mock);
  EXPECT_TRUE(run.result.finished.warnings.empty());
}

TEST(Budget, OB_10_MoneyWithoutAPriceWarnsOnce) {
  TestRun run;
  run.options.loop.budgets.max_estimated_cost_usd = 1.0;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  EXPECT_EQ(run.outcome().turns, 5);
  const auto& warnings = run.result.finished.warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("max_estimated_cost_usd was set"), std::string::npos);
  EXPECT_NE(warnings[0].find("cost_estimator_fn"), std::string::npos);
}

TEST(Budget, OB_11_ATurnRecordsItsDecision) {
  TestRun run;
  run.options.loop.max_turns = 1;
  run.options.decide = decide_with(ones(), head_for(kWorker));
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  const Json decision = run.of("turn_completed")[0]["route_decision"];
  ASSERT_TRUE(decision.is_object());
  EXPECT_EQ(decision.size(), 7u);
  EXPECT_TRUE(decision["agent_id"].to_int64());
  EXPECT_TRUE(decision["role_id"].to_int64());
  EXPECT_TRUE(decision["role_name"].is_string());
  EXPECT_EQ(decision["margins"]["agent"].as_double(), 80.0);
  EXPECT_EQ(decision["selection_modes"]["role"].as_string(), "argmax");
  EXPECT_EQ(decision["transcript_hash"].as_string(),
            *hash::trace_messages_hash(std::vector<Message>{{"user", "What is 2 + 2?"}}));
  EXPECT_EQ(decision["transcript_hash"], run.of("turn_started")[0]["transcript_hash"]);
}

TEST(Budget, ACallHasTheDeadlineOfItsBudgetsAndWhatIsCutOffEndsTheRunByThem) {
  for (const bool by_wall_time : {true, false}) {
    TestRun run;
    run.options.loop.mock = false;
    auto& budgets = run.options.loop.budgets;
    (by_wall_time ? budgets.max_wall_time_ms : budgets.max_provider_latency_ms) = 50;
    run.options.decide = decide_roles({kWorker});
    run.options.ask = [&run](const CallStep& step) -> Result<Answer> {
      EXPECT_TRUE(step.deadline);
      EXPECT_EQ(step.deadline.value_or(std::chrono::steady_clock::time_point()),
                run.clock.clock()() + std::chrono::milliseconds(50));
      run.clock.advance_ms(50);
      return fail(ErrorKind::failed, "timeout", "cut off at the deadline");
    };
    run.run();
    EXPECT_EQ(run.tag(), "budget_exceeded");
    EXPECT_EQ(run.result.finished.budget->kind, by_wall_time ? "wall_time" : "provider_latency_ms");
    EXPECT_EQ(run.of("provider_called")[1]["status"].as_string(), "error");
  }
}

}  // namespace
}  // namespace trinity::coordinate
