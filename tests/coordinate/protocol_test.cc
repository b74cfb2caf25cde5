// Roles and prompts, verdicts, suggestions, the state manager, the budgets' form.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "coordinate/budgets.h"
#include "coordinate/conversation.h"
#include "coordinate/loop_profile.h"
#include "coordinate/roles.h"
#include "coordinate/suggestion.h"
#include "coordinate/verdict.h"

namespace trinity::coordinate {
namespace {

namespace fs = std::filesystem;

bool has_text(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// ---- roles --------------------------------------------------------------------------------------

TEST(Roles, RI_1_AThinkerIsToldSoBeforeTheConversation) {
  const std::vector<Message> messages = {{"user", "hello"}};
  const auto sent = with_role_prompt(RolePrompts(), Role::thinker, {}, messages);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].role, "system");
  EXPECT_TRUE(sent[0].content.starts_with(kThinkerMark));
  EXPECT_EQ(sent[1].content, "hello");
  for (const char* tag :
       {"<suggestion>", "</suggestion>", "<suggested_role>", "solver", "verifier"})
    EXPECT_TRUE(has_text(sent[0].content, tag)) << tag;
}

TEST(Roles, RI_1_TheExampleOfTheThinkersPromptIsOneThatIsRead) {
  EXPECT_TRUE(parse_suggestion(RolePrompts().of(Role::thinker, {})));
}

TEST(Roles, RI_2_AWorkerIsToldSo) {
  EXPECT_TRUE(RolePrompts().of(Role::worker, {}).starts_with(kWorkerMark));
}

TEST(Roles, RI_3_AVerifierMustBeginWithOneOfTwoWords) {
  const std::string prompt = RolePrompts().of(Role::verifier, {});
  EXPECT_TRUE(prompt.starts_with(kVerifierMark));
  EXPECT_TRUE(has_text(prompt, "must begin with exactly ACCEPT or REVISE"));
  const std::string other = RolePrompts().of(Role::verifier, {"DONE", "AGAIN"});
  EXPECT_TRUE(has_text(other, "must begin with exactly DONE or AGAIN"));
  EXPECT_FALSE(has_text(other, "ACCEPT"));
}

TEST(Roles, RI_4_NamesNumbersAndSymbols) {
  for (const char* name : {"0", "solver", " W ", "worker", "Worker", "WORKER"})
    EXPECT_EQ(normalize_role(name), "Worker") << name;
  for (const char* name : {"1", "t", "Thinker"}) EXPECT_EQ(normalize_role(name), "Thinker") << name;
  for (const char* name : {"2", "v", "VERIFIER"})
    EXPECT_EQ(normalize_role(name), "Verifier") << name;
  EXPECT_EQ(normalize_role(0), "Worker");
  EXPECT_EQ(normalize_role(2), "Verifier");
  EXPECT_EQ(normalize_role(3), "UnknownRole");
  EXPECT_EQ(normalize_role(-1), "UnknownRole");
  EXPECT_EQ(normalize_role(" Judge "), " Judge ");
  EXPECT_STREQ(role_symbol(role_of("solver")), "worker");
  EXPECT_STREQ(role_symbol(role_of("judge")), "unknown");
  EXPECT_EQ(role_number(Role::worker), 0);
  EXPECT_EQ(role_number(Role::thinker), 1);
  EXPECT_EQ(role_number(Role::verifier), 2);
  EXPECT_EQ(role_number(Role::unknown), std::nullopt);
}

TEST(Roles, RI_5_AnUnknownRoleIsAnAssistant) {
  EXPECT_EQ(RolePrompts().of(Role::unknown, {}),
            "You are an assistant who helps a team of models to solve the user's task.");
}

class PromptFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("trinity_prompts_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const char* name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string tag() const {
    const auto prompts = RolePrompts::load(folder_);
    return prompts ? "no error" : prompts.error().tag;
  }
  fs::path folder_;
};

TEST_F(PromptFolder, ReplacesFileByFile) {
  write("worker.md", "\n  Do the work.  \n");
  write("README.md", "");
  write("notes.txt", "mine");
  const auto prompts = RolePrompts::load(folder_);
  ASSERT_TRUE(prompts) << prompts.error().message;
  EXPECT_EQ(prompts->of(Role::worker, {}), "Do the work.");
  EXPECT_EQ(prompts->of(Role::thinker, {}), RolePrompts().of(Role::thinker, {}));
}

TEST_F(PromptFolder, RefusesWhatIsNoPrompt) {
  write("workers.md", "a typo");
  EXPECT_EQ(tag(), "unknown_prompt");
  fs::remove(folder_ / "workers.md");
  for (const std::string& text :
       {std::string(" \n"), std::string(70000, 'x'), std::string("\xff\xfe")}) {
    write("worker.md", text);
    EXPECT_EQ(tag(), "invalid_prompt") << text.size();
  }
  fs::remove_all(folder_);
  EXPECT_EQ(tag(), "missing_file");
}

TEST(Roles, EveryBuiltInPromptIsThere) {
  const RolePrompts prompts;
  for (const char* name :
       {"worker", "thinker", "verifier", "assistant", "author_dispatcher", "author_collaboration",
        "author_worker", "author_thinker", "author_verifier"})
    EXPECT_GT(prompts.text(name).size(), 50u) << name;
  EXPECT_EQ(prompts.text("nobody"), "");
}

// ---- verdicts -----------------------------------------------------------------------------------

TEST(Verdicts, VER_1_Accepts) {
  const Verdict verdict = parse_verdict("ACCEPT: final answer is correct");
  EXPECT_EQ(verdict.status, VerdictStatus::accepted);
  EXPECT_EQ(verdict.token, "ACCEPT");
  EXPECT_EQ(verdict.diagnosis, "final answer is correct");
}

TEST(Verdicts, VER_2_AsksForRevision) {
  const Verdict verdict = parse_verdict(" revise - arithmetic error in step 2 ");
  EXPECT_EQ(verdict.status, VerdictStatus::revised);
  EXPECT_EQ(verdict.token, "REVISE");
  EXPECT_EQ(verdict.diagnosis, "arithmetic error in step 2");
  EXPECT_EQ(verdict.raw, "revise - arithmetic error in step 2");
}

TEST(Verdicts, VER_3_AnyOtherTextIsUnknown) {
  const Verdict verdict = parse_verdict("  looks fine to me ");
  EXPECT_EQ(verdict.status, VerdictStatus::unknown);
  EXPECT_EQ(verdict.diagnosis, "looks fine to me");
}

TEST(Verdicts, VER_4_OnlyAVerifierAccepts) {
  const Verdict verdict = parse_verdict("accept");
  EXPECT_TRUE(is_accepted("Verifier", verdict));
  EXPECT_TRUE(is_accepted("verifier", verdict));
  EXPECT_TRUE(is_accepted("V", verdict));
  EXPECT_FALSE(is_accepted("Worker", verdict));
  EXPECT_FALSE(is_accepted("thinker", verdict));
}

TEST(Verdicts, VER_5_TheTokenMayBeAnotherOne) {
  EXPECT_EQ(parse_verdict("DONE", {"DONE", "REVISE"}).status, VerdictStatus::accepted);
  EXPECT_EQ(parse_verdict("done: yes", {" done ", "REVISE"}).token, "DONE");
  EXPECT_EQ(parse_verdict("ACCEPT", {"DONE", "REVISE"}).status, VerdictStatus::unknown);
  EXPECT_EQ(parse_verdict("", {"", ""}).status, VerdictStatus::unknown);
  EXPECT_EQ(parse_verdict(": x", {" ", ""}).status, VerdictStatus::unknown);
}

TEST(Verdicts, VER_6_UnknownIsTreatedAsRevised) {
  EXPECT_EQ(safe_status(VerdictStatus::unknown), VerdictStatus::revised);
  EXPECT_EQ(safe_status(VerdictStatus::accepted), VerdictStatus::accepted);
}

TEST(Verdicts, VER_7_LookAlikesAreUnknown) {
  for (const char* text : {"I ACCEPT this", "ACCEPTED", "not ACCEPT", "status: ACCEPT", "ACCEPT.",
                           "ACCEPT\rthen", "REVISED"}) {
    const Verdict verdict = parse_verdict(text);
    EXPECT_EQ(verdict.status, VerdictStatus::unknown) << text;
    EXPECT_FALSE(is_accepted("Verifier", verdict)) << text;
  }
}

TEST(Verdicts, TokensMayBeFollowedByMarksAndLines) {
  for (const char* text : {"ACCEPT", "ACCEPT ok", "ACCEPT-ok", "ACCEPT—ok", "ACCEPT\nok",
                           "ACCEPT\r\nok", "accept:::--——  ok", "\n\tAccept : - — ok"})
    EXPECT_EQ(parse_verdict(text).status, VerdictStatus::accepted) << text;
  EXPECT_EQ(parse_verdict("accept:::--——  ok").diagnosis, "ok");
  EXPECT_EQ(parse_verdict("ACCEPT : - — ok").diagnosis, "ok");
  EXPECT_EQ(parse_verdict("ACCEPT: ").diagnosis, std::nullopt);
}

TEST(Verdicts, RejectMeansRevise) {
  const Verdict verdict = parse_verdict("REJECT: wrong");
  EXPECT_EQ(verdict.status, VerdictStatus::revised);
  EXPECT_EQ(verdict.token, "REJECT");
  EXPECT_EQ(verdict.diagnosis, "wrong");
}

TEST(Verdicts, TheAuthorsRule) {
  const auto status = [](const char* text) { return parse_author_verdict(text).status; };
  EXPECT_EQ(status("ACCEPT"), VerdictStatus::accepted);
  EXPECT_EQ(status("ACCEPTED, though I could REJECT"), VerdictStatus::accepted);
  EXPECT_EQ(status("I would accept this"), VerdictStatus::accepted);
  EXPECT_EQ(status("REJECT, do not ACCEPT"), VerdictStatus::revised);
  EXPECT_EQ(status("I could ACCEPT or REJECT"), VerdictStatus::revised);
  EXPECT_EQ(status("no idea"), VerdictStatus::revised);
  EXPECT_EQ(status(""), VerdictStatus::revised);
}

// ---- suggestions --------------------------------------------------------------------------------

TEST(Suggestions, THK_1_Solver) {
  const auto found = parse_suggestion(
      "Plan.\n<suggestion> try induction </suggestion><suggested_role> Solver </suggested_role>");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text, "try induction");
  EXPECT_EQ(found->role_name, "Worker");
  EXPECT_EQ(found->role_id, 0);
}

TEST(Suggestions, THK_2_Verifier) {
  const auto found = parse_suggestion(
      "<suggested_role>VERIFIER</suggested_role> then <suggestion>check it</suggestion>");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->role_name, "Verifier");
  EXPECT_EQ(found->role_id, 2);
}

TEST(Suggestions, THK_3_AnythingElseIsNone) {
  for (const char* text :
       {"<suggestion>x</suggestion><suggested_role>thinker</suggested_role>",
        "<suggestion>x</suggestion><suggested_role>worker</suggested_role>",
        "<suggested_role>solver</suggested_role>", "<suggestion>x</suggestion>",
        "<suggestion>  </suggestion><suggested_role>solver</suggested_role>",
        "<suggestion>x</suggestion><suggested_role>solver", "</suggestion><suggestion>x", "",
        "<suggestion>x<suggested_role>solver</suggested_role>"})
    EXPECT_FALSE(parse_suggestion(text)) << text;
}

TEST(Suggestions, TheFirstTagCounts) {
  const auto found = parse_suggestion(
      "<suggestion>one</suggestion><suggestion>two</suggestion>"
      "<suggested_role>solver</suggested_role><suggested_role>verifier</suggested_role>");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text, "one");
  EXPECT_EQ(found->role_id, 0);
}

// ---- state --------------------------------------------------------------------------------------

TEST(State, ST_1_StartsEmpty) {
  EXPECT_TRUE(Conversation().messages().empty());
  EXPECT_EQ(Conversation().last_answer(), std::nullopt);
}

TEST(State, ST_2_KeepsOrder) {
  Conversation state;
  ASSERT_TRUE(state.append_user("one"));
  ASSERT_TRUE(state.append_assistant("two"));
  ASSERT_TRUE(state.append_system("three"));
  ASSERT_EQ(state.messages().size(), 3u);
  EXPECT_EQ(state.messages()[0].role, "user");
  EXPECT_EQ(state.messages()[1].content, "two");
  EXPECT_EQ(state.last_answer(), "two");
  EXPECT_EQ(state.append("oracle", "x").error().tag, "invalid_message");
  EXPECT_EQ(state.messages().size(), 3u);
}

TEST(State, ST_3_AnUnknownRoleIsRefusedAtTheStart) {
  const auto refused = Conversation::start({{"user", "x"}, {"tool", "y"}});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(has_text(refused.error().message, "unsupported message role"));
  EXPECT_TRUE(has_text(refused.error().message, "tool"));
  EXPECT_TRUE(Conversation::start({{"tool", "y"}}, Conversation::Roles::with_tools));
  EXPECT_FALSE(Conversation::start({{"oracle", "y"}}, Conversation::Roles::with_tools));
}

// ---- budgets ------------------------------------------------------------------------------------

TEST(BudgetsForm, LimitsAreReadAndOddOnesRefusedByName) {
  const auto read = parse_budgets(
      {{"max_wall_time_ms", 5}, {"max_provider_calls", nullptr}, {"max_estimated_cost_usd", 0.25}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->max_wall_time_ms, 5);
  EXPECT_EQ(read->max_provider_calls, std::nullopt);
  EXPECT_EQ(read->max_estimated_cost_usd, 0.25);
  for (const char* name : {"max_wall_time_ms", "max_provider_calls", "max_provider_latency_ms",
                           "max_verifier_revisions"})
    for (const Json& odd : {Json(-1), Json(1.5), Json("5"), Json(true), Json::array()}) {
      Json budgets = Json::object();
      budgets[name] = odd;
      const auto refused = parse_budgets(budgets);
      ASSERT_FALSE(refused) << name;
      EXPECT_EQ(refused.error().tag, "invalid_budget");
      EXPECT_TRUE(has_text(refused.error().message, name));
    }
  for (const Json& odd : {Json(-0.1), Json("1"), Json::object()})
    EXPECT_EQ(parse_budgets({{"max_estimated_cost_usd", odd}}).error().tag, "invalid_budget");
  EXPECT_EQ(parse_budgets({{"max_money", 1}}).error().tag, "unknown_option");
  EXPECT_EQ(parse_budgets(Json::array({1})).error().tag, "invalid_budgets");
  EXPECT_TRUE(parse_budgets({}));
}

TEST(BudgetsForm, OB_5_WithNothingSetNothingFires) {
  BudgetMeter meter({}, {});
  for (int i = 0; i < 100; ++i) {
    meter.count_call();
    meter.count_revision();
    meter.add_cost(1000);
  }
  const auto late = BudgetMeter::TimePoint{} + std::chrono::hours(1000);
  EXPECT_FALSE(meter.at_turn_start(late, 0));
  EXPECT_FALSE(meter.before_dispatch(late, 0));
  EXPECT_FALSE(meter.after_dispatch(1 << 30, 0));
  EXPECT_FALSE(meter.after_cost(0));
  EXPECT_FALSE(meter.after_revision(0));
  EXPECT_FALSE(meter.deadline(late));
}

TEST(BudgetsForm, MoneyIsCountedInMillionthsAndOddAmountsAreNothing) {
  Budgets budgets;
  budgets.max_estimated_cost_usd = 0.3;
  BudgetMeter meter(budgets, {});
  for (const double odd : {-1.0, std::nan(""), HUGE_VAL}) meter.add_cost(odd);
  EXPECT_EQ(meter.cost_usd(), 0.0);
  meter.add_cost(0.1);
  meter.add_cost(0.1);
  EXPECT_FALSE(meter.after_cost(0));
  meter.add_cost(0.1);  // 0.1 + 0.1 + 0.1 is more than 0.3 in doubles
  const auto found = meter.after_cost(0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->observed, 0.3);
}

TEST(BudgetsForm, TheDeadlineIsTheEarlierOfTwo) {
  Budgets budgets;
  budgets.max_wall_time_ms = 100;
  budgets.max_provider_latency_ms = 30;
  const BudgetMeter::TimePoint start{};
  const BudgetMeter meter(budgets, start);
  using std::chrono::milliseconds;
  EXPECT_EQ(meter.deadline(start + milliseconds(10)), start + milliseconds(40));
  EXPECT_EQ(meter.deadline(start + milliseconds(90)), start + milliseconds(100));
  budgets.max_wall_time_ms = std::numeric_limits<std::int64_t>::max();
  budgets.max_provider_latency_ms.reset();
  EXPECT_GT(BudgetMeter(budgets, start).deadline(start), start);
}

TEST(LoopProfiles, HaveNames) {
  for (const char* name : {"reference", "safe", "author"})
    EXPECT_STREQ(loop_profile_name(*parse_loop_profile(name)), name);
  EXPECT_EQ(parse_loop_profile("fast").error().tag, "invalid_loop_profile");
}

}  // namespace
}  // namespace trinity::coordinate
