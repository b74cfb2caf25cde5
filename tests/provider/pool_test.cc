// The pool as it runs, scripted members, and the check of a pool against servers on real sockets.
#include "provider/pool.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "fake_upstream.h"
#include "provider/pool_check.h"
#include "provider/pool_file.h"
#include "report/render_text.h"

namespace trinity::provider {
namespace {

using testing::FakeUpstream;

MemberRequest saying(std::string text) {
  MemberRequest request;
  request.request.messages = {{"user", {{chat::Part::Kind::text, std::move(text)}}}};
  return request;
}

TEST(Pool, ScriptedMembersSayWhatTheyAreTold) {
  const auto config = read_pool_text(
      "[[member]]\nname = \"a\"\nkind = \"scripted\"\n[[member]]\nname = \"b\"\nkind = "
      "\"scripted\"\n[slots]\n1 = \"b\"\nothers = \"a\"\n[roles.Worker]\ntemperature = 0.5\nstop = "
      "[\"X\"]\n",
      "pool.toml");
  ASSERT_TRUE(config) << config.error().message;
  PoolOptions options;
  options.num_agents = 3;
  options.scripts["a"] = {ScriptedStep::says("one"), ScriptedStep::says("two")};
  const auto pool = Pool::open(*config, options);
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ(pool->slots(), (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_EQ(call_and_wait(*pool->at_slot(0)->member, saying("x"))->message.text(), "one");
  EXPECT_EQ(call_and_wait(*pool->at_slot(2)->member, saying("x"))->message.text(), "two");
  EXPECT_EQ(call_and_wait(*pool->find("b")->member, saying("x"))->message.text(),
            "MOCK agent=b: x");
  EXPECT_FALSE(pool->at_slot(3));
  EXPECT_FALSE(pool->at_slot(-1));
  EXPECT_FALSE(pool->find("c"));
  EXPECT_EQ(pool->slot_label(1), "b");
  EXPECT_EQ(pool->slot_label(9), "slot 9 (nothing)");

  chat::Sampling sampling;
  sampling.temperature = 1;
  apply_sampling(pool->sampling_of("Worker"), sampling);
  EXPECT_EQ(sampling.temperature, 1);
  EXPECT_EQ(sampling.stop, std::vector<std::string>{"X"});
  sampling = {};
  apply_sampling(pool->sampling_of("Worker"), sampling);
  EXPECT_EQ(sampling.temperature, 0.5);
  apply_sampling(pool->sampling_of("Critic"), sampling);
}

TEST(Pool, MistakesBeforeTheFirstCall) {
  PoolConfig config;
  config.source = "pool.toml";
  config.members = {MemberConfig{}};
  config.members[0].name = "a";
  config.members[0].kind = MemberKind::demo;
  config.other_slots = "a";
  const auto persona = Pool::open(config);
  ASSERT_FALSE(persona);
  EXPECT_NE(persona.error().message.find("persona"), std::string::npos);
  config.members[0].persona = "scribe";
  EXPECT_TRUE(Pool::open(config));
  config.other_slots.clear();
  const auto small = Pool::open(config);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().tag, "pool_smaller_than_head");
}

TEST(PoolCheck, ContextsOfManyServers) {
  const auto context = [](const char* model) { return context_of_model(*parse_json(model)); };
  EXPECT_EQ(context(R"({"id":"m","max_model_len":4096})"), 4096);
  EXPECT_EQ(context(R"({"id":"m","meta":{"n_ctx":2048,"n_ctx_train":32768}})"), 2048);
  EXPECT_EQ(context(R"({"id":"m","meta":{"n_ctx_train":32768}})"), 32768);
  EXPECT_EQ(context(R"({"id":"m","context_length":131072})"), 131072);
  EXPECT_EQ(context(R"({"name":"models/m","inputTokenLimit":1048576})"), 1048576);
  EXPECT_FALSE(context(R"({"id":"m","max_model_len":0,"context_length":"many"})"));
}

TEST(PoolCheck, ModelsAreFound) {
  const Json list = *parse_json(
      R"({"models":[{"name":"b","model":"b"}],"data":[{"id":"a"},{"id":"c","aliases":["d"]}]})");
  EXPECT_TRUE(find_model(list, "a"));
  EXPECT_TRUE(find_model(list, "b"));
  EXPECT_TRUE(find_model(list, "d"));
  EXPECT_FALSE(find_model(list, "e"));
  EXPECT_TRUE(find_model(*parse_json(R"({"name":"models/g"})"), "g"));
  EXPECT_FALSE(find_model(*parse_json("[1,2]"), "g"));
}

TEST(PoolCheck, EveryStateOfAMember) {
  FakeUpstream good(FakeUpstream::says(
      200, R"({"object":"list","data":[{"id":"m","object":"model","max_model_len":4096}]})"));
  FakeUpstream other_model(
      FakeUpstream::says(200, R"({"object":"list","data":[{"id":"x"},{"id":"y"}]})"));
  FakeUpstream no_key(FakeUpstream::says(
      401, R"({"error":{"message":"bad key very-secret-key","code":"invalid_api_key"}})"));
  FakeUpstream no_list(FakeUpstream::says(404, "{}"));
  FakeUpstream gone(FakeUpstream::says(200, "{}"));
  const std::string gone_url = gone.url();
  gone.stop();
  std::string text;
  const auto add = [&](const std::string& name, const std::string& url, const std::string& more) {
    text += "[[member]]\nname = \"" + name + "\"\nurl = \"" + url + "\"\nmodel = \"m\"\n" + more;
  };
  add("good", good.url(), "key = \"env:K\"\n");
  add("greedy", good.url(), "context = 8192\n");
  add("other", other_model.url(), "");
  add("locked", no_key.url(), "key = \"env:K\"\n");
  add("silent", no_list.url(), "context = 100\n");
  add("gone", gone_url, "");
  text +=
      "[[member]]\nname = \"scribe\"\nkind = \"demo\"\n[slots]\n0 = \"scribe\"\nothers = "
      "\"good\"\n";
  auto config = read_pool_text(text, "pool.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(resolve_keys(
      *config, [](const std::string&) { return std::optional<std::string>("very-secret-key"); }));
  net::HttpClient client;
  const auto check = check_pool(*config, client, {.num_agents = 2});
  ASSERT_TRUE(check) << check.error().message;
  using State = MemberCheck::State;
  const std::vector<State> states = {State::good, State::warn, State::bad, State::bad,
                                     State::warn, State::bad,  State::good};
  ASSERT_EQ(check->members.size(), states.size());
  for (std::size_t i = 0; i < states.size(); ++i)
    EXPECT_EQ(check->members[i].state(), states[i]) << check->members[i].name;
  EXPECT_EQ(check->members[0].context_learnt, 4096);
  EXPECT_EQ(check->members[0].key_accepted, true);
  EXPECT_EQ(check->members[2].has_model, false);
  EXPECT_NE(check->members[2].findings[0].text.find("it has x, y"), std::string::npos);
  EXPECT_EQ(check->members[3].key_accepted, false);
  EXPECT_EQ(check->members[4].reachable, true);
  EXPECT_FALSE(check->members[4].has_model);
  EXPECT_EQ(check->members[5].reachable, false);
  EXPECT_FALSE(check->ok());
  EXPECT_EQ(good.requests()[0].target, "/v1/models");
  EXPECT_EQ(good.requests()[0].method, "GET");

  const std::string json = json_text(pool_check_json(*check));
  EXPECT_EQ(json.find("very-secret"), std::string::npos);
  const Json record = *parse_json(json);
  EXPECT_EQ(record["slots"][0]["member"].as_string(), "scribe");
  EXPECT_EQ(record["slots"][1]["model"].as_string(), "m");
  const std::string shown =
      report::render_text(pool_check_document(*check), report::Style(false, 160));
  EXPECT_EQ(shown.find("very-secret"), std::string::npos);
  for (const char* part : {"good", "locked", "scribe", "4096", "3 members cannot be asked"})
    EXPECT_NE(shown.find(part), std::string::npos) << part << " in\n" << shown;
}

}  // namespace
}  // namespace trinity::provider
