// Whole traces, byte for byte, in tests/coordinate/golden/. After a change that is meant,
// TRINITY_RECORD_CASES=1 build/bin/coordinate_tests --gtest_filter='Golden*' writes them anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "coordinate/loop_support.h"

namespace trinity::coordinate {
namespace {

namespace fs = std::filesystem;

/// A run whose clocks and names are given: each reply takes 12 ms.
struct GoldenRun : TestRun {
  explicit GoldenRun(const std::string& run_name, LoopProfile profile = LoopProfile::reference)
      : TestRun(profile), name(run_name) {
    options.trace.run_id = "golden-" + run_name;
    options.trace.now_ms = [time = std::make_shared<std::int64_t>(1'700'000'000'000)] {
      return (*time)++;
    };
  }
  void answer(std::vector<std::string> texts) {
    const Ask hook = ask_with(replies(std::move(texts)));
    options.ask = [this, hook](const CallStep& step) {
      clock.advance_ms(12);
      return hook(step);
    };
  }
  void expect_golden(std::vector<Message> conversation = {{"user", "What is 2 + 2?"}}) {
    run(std::move(conversation));
    std::string text;
    for (const Json& event : events) text += json_text(event) + "\n";
    const fs::path path =
        fs::path(TRINITY_SOURCE_DIR) / "tests/coordinate/golden" / (name + ".jsonl");
    if (std::getenv("TRINITY_RECORD_CASES") != nullptr)
      std::ofstream(path, std::ios::binary) << text;
    std::ifstream file(path, std::ios::binary);
    const std::string kept{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(kept, text) << path;
  }
  std::string name;
};

TEST(Golden, AnAcceptedAnswerWithASuggestion) {
  GoldenRun run("accepted");
  run.options.loop.rule.return_probabilities = true;
  run.options.loop.runtime_metadata = {{"trinity_artifact_manifest_hash", "cafebabe"},
                                       {"trinity_runtime_profile", "cpu_f32"}};
  run.options.decide = decide_roles({kThinker, kThinker, kVerifier});
  run.answer({"<suggestion>add them</suggestion><suggested_role>solver</suggested_role>", "4",
              "ACCEPT: right"});
  run.expect_golden();
}

TEST(Golden, ATurnCapAfterARejection) {
  GoldenRun run("turn_cap");
  run.options.loop.max_turns = 2;
  run.options.loop.rule.role_selection = SelectionMode::sample;
  run.options.loop.rule.seed = SeedTriple{1, 2, 3};
  run.options.decide = decide_roles({kVerifier});
  run.answer({"REVISE: no reason given", "maybe"});
  run.expect_golden(kAnswered);
}

TEST(Golden, AVerifierThatComesFirst) {
  GoldenRun run("verifier_first");
  run.options.decide = decide_roles({kVerifier});
  run.expect_golden();
}

TEST(Golden, AMemberThatFails) {
  GoldenRun run("member_fails");
  run.options.loop.mock = false;
  run.options.loop.member = [](int) -> Result<trace::MemberFacts> {
    return trace::MemberFacts{"openai", "gpt-4o-mini", "https://api.example/v1", 30000, 200, 0.2};
  };
  run.options.decide = decide_roles({kWorker});
  run.options.ask = [&run](const CallStep&) -> Result<Answer> {
    run.clock.advance_ms(31);
    return fail(ErrorKind::failed, "rate_limit",
                "the member refused: Authorization: Bearer sk-123 was sent too often");
  };
  run.expect_golden();
}

TEST(Golden, ABudgetOfMoney) {
  GoldenRun run("budget");
  run.options.loop.mock = false;
  run.options.loop.budgets.max_estimated_cost_usd = 0.5;
  run.options.decide = decide_roles({kWorker});
  run.options.ask = [&run](const CallStep&) -> Result<Answer> {
    run.clock.advance_ms(9);
    return Answer{"4", Usage{20, 5, 0, 0, false}, 0.25};
  };
  run.expect_golden();
}

TEST(Golden, ASafeRunWhoseVerifierIsReplaced) {
  GoldenRun run("safe", LoopProfile::safe);
  run.options.decide = decide_roles({kVerifier});
  run.answer({"4", "who knows", "hard to say"});
  run.expect_golden();
}

TEST(Golden, AnAuthorsRun) {
  GoldenRun run("author", LoopProfile::author);
  run.options.loop.rule.seed = std::int64_t{7};
  run.options.decide = decide_roles({kWorker});
  run.options.loop.max_turns = 3;
  run.answer({"<idea>pairs</idea> 4", "REJECT"});
  run.expect_golden();
}

}  // namespace
}  // namespace trinity::coordinate
