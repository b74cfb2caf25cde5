// The demo pool in a run: roles, real rejections, honest refusals, streams.
#include "provider/demo_member.h"

#include <gtest/gtest.h>

#include "provider/pool.h"

namespace trinity::provider::demo {
namespace {

using Messages = std::vector<chat::ChatMessage>;

chat::ChatMessage message(std::string role, std::string text) {
  return {std::move(role), {{chat::Part::Kind::text, std::move(text)}}};
}

TEST(DemoMember, AWrongAnswerIsRejectedAndMended) {
  Messages transcript = {message("user", "What is 2 + 3 * 4?")};
  const std::string first = demo_answer("hasty", Role::worker, transcript);
  EXPECT_EQ(first, "Answer: 20");
  transcript.push_back(message("assistant", first));
  const std::string verdict = demo_answer("almanac", Role::verifier, transcript);
  EXPECT_TRUE(verdict.starts_with("REVISE: ")) << verdict;
  EXPECT_NE(verdict.find("14"), std::string::npos);
  transcript.push_back(message("assistant", verdict));
  const std::string second = demo_answer("hasty", Role::worker, transcript);
  EXPECT_NE(second.find("Answer: 14"), std::string::npos) << second;
  transcript.push_back(message("assistant", second));
  EXPECT_TRUE(demo_answer("hasty", Role::verifier, transcript).starts_with("ACCEPT: "));
}

TEST(DemoMember, EveryMemberAnswersRightWhenItTakesItsTime) {
  for (const std::string& persona : persona_names()) {
    Messages transcript = {message("user", "Is 1009 prime?")};
    transcript.push_back(message("assistant", demo_answer(persona, Role::worker, transcript)));
    for (const std::string& other : persona_names())
      EXPECT_TRUE(demo_answer(other, Role::verifier, transcript).starts_with("ACCEPT"))
          << persona << " and " << other;
    EXPECT_FALSE(persona_line(persona).empty());
  }
}

TEST(DemoMember, ThinkersPlanAndSuggest) {
  Messages transcript = {message("user", "What is 2 + 3 * 4?")};
  const std::string plan = demo_answer("abacus", Role::thinker, transcript);
  EXPECT_NE(plan.find("<suggestion>"), std::string::npos);
  EXPECT_NE(plan.find("<suggested_role>solver</suggested_role>"), std::string::npos);
  EXPECT_EQ(plan.find("14"), std::string::npos);  // no answer
  transcript.push_back(message("assistant", plan));
  // A plan is no answer.
  EXPECT_TRUE(demo_answer("abacus", Role::verifier, transcript).starts_with("REVISE"));
  transcript.push_back(message("assistant", demo_answer("abacus", Role::worker, transcript)));
  EXPECT_NE(demo_answer("clerk", Role::thinker, transcript)
                .find("<suggested_role>verifier</suggested_role>"),
            std::string::npos);
}

TEST(DemoMember, WhatItCannotDoItSays) {
  Messages transcript = {message("user", "Write a poem about the sea.")};
  const std::string said = demo_answer("scribe", Role::worker, transcript);
  EXPECT_TRUE(said.starts_with("I cannot do this.")) << said;
  Messages honest = transcript, bold = transcript;
  honest.push_back(message("assistant", said));
  bold.push_back(message("assistant", "The sea, the sea, ..."));
  EXPECT_TRUE(demo_answer("clerk", Role::verifier, honest).starts_with("ACCEPT"));
  // No verdict on what it cannot compute.
  const std::string abstained = demo_answer("clerk", Role::verifier, bold);
  EXPECT_FALSE(abstained.starts_with("ACCEPT"));
  EXPECT_FALSE(abstained.starts_with("REVISE"));
}

TEST(DemoMember, TheRoleComesFromTheCallOrTheSystemMessage) {
  MemberRequest request;
  EXPECT_EQ(role_of(request), Role::worker);
  request.request.messages = {message("system", "Begin with exactly ACCEPT or REVISE.")};
  EXPECT_EQ(role_of(request), Role::verifier);
  request.request.messages = {
      message("system", "Plan. <suggested_role>solver</suggested_role>; a Verifier says ACCEPT.")};
  EXPECT_EQ(role_of(request), Role::thinker);
  request.role = "Worker";
  EXPECT_EQ(role_of(request), Role::worker);
}

TEST(DemoMember, StreamsInPiecesTheSameReply) {
  const auto pool = Pool::open(demo_pool_config());
  ASSERT_TRUE(pool) << pool.error().message;
  ASSERT_EQ(pool->slots().size(), 7u);
  MemberRequest request;
  request.request.messages = {
      message("user", "How many days are between 2024-01-01 and 2024-03-01?")};
  const PoolMember* member = pool->at_slot(5);
  ASSERT_TRUE(member);
  EXPECT_EQ(pool->slot_label(5), "almanac");
  const auto whole = call_and_wait(*member->member, request);
  ASSERT_TRUE(whole) << whole.error().error.message;
  EXPECT_NE(whole->message.text().find("Answer: 60 days"), std::string::npos);
  ASSERT_TRUE(whole->usage);
  EXPECT_EQ(member->cost(*whole->usage), 0);
  request.request.stream = true;
  std::string text;
  std::size_t pieces = 0;
  std::optional<chat::FinishReason> finish;
  const auto streamed = call_and_wait(*member->member, request, [&](const chat::Delta& delta) {
    text += delta.text;
    ++pieces;
    if (delta.finish) finish = delta.finish;
  });
  ASSERT_TRUE(streamed);
  EXPECT_EQ(text, whole->message.text());
  EXPECT_EQ(*streamed, *whole);
  EXPECT_GT(pieces, 3u);
  EXPECT_EQ(finish, chat::FinishReason::stop);
}

TEST(DemoMember, ALimitOfTokensCutsAndSaysSo) {
  const auto pool = Pool::open(demo_pool_config());
  ASSERT_TRUE(pool);
  MemberRequest request;
  request.request.messages = {message("user", "Write a poem.")};
  request.request.sampling.max_tokens = 3;
  const auto reply = call_and_wait(*pool->at_slot(0)->member, request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->finish, chat::FinishReason::length);
  EXPECT_EQ(reply->message.text(), "I cannot do ");
  EXPECT_EQ(reply->usage->output, 3);
}

}  // namespace
}  // namespace trinity::provider::demo
