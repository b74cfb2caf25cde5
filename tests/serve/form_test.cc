// Answers that must have a form: who is asked for it and how, what becomes of one that has not, and
// that a stream shows none before it has.
#include <gtest/gtest.h>

#include "serve/answer_form.h"
#include "serve/test_server.h"

namespace trinity::testing {
namespace {

using provider::ScriptedStep;

constexpr const char* kSchema =
    R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],)"
    R"("additionalProperties":false})";

std::string form_body(const std::string& model, const std::string& format, bool stream = false) {
  return R"({"model":")" + model + R"(","stream":)" + (stream ? "true" : "false") +
         R"(,"stream_options":)" + (stream ? R"({"include_usage":true})" : "null") +
         R"(,"response_format":)" + format +
         R"(,"messages":[{"role":"user","content":"How many?"}]})";
}

std::string schema_format(bool strict, const std::string& schema = kSchema) {
  return R"({"type":"json_schema","json_schema":{"name":"count","strict":)" +
         std::string(strict ? "true" : "false") + R"(,"schema":)" + schema + "}}";
}

/// Workers in the first turns, a Verifier as soon as one may be chosen.
void verify_when_possible(TestServer& server) {
  server.services.decide = [](const coordinate::DecideStep& step) -> Result<coordinate::Decided> {
    auto decided = coordinate::decide_with(tiny_router())(step);
    const auto& masked = step.rule.masked_roles;
    const bool may_verify = std::find(masked.begin(), masked.end(), 2) == masked.end();
    if (decided && decided->decision) decided->decision->role_id = may_verify ? 2 : 0;
    return decided;
  };
}

void can(TestServer& server, const std::string& member, bool json, bool schema) {
  auto& config = const_cast<provider::PoolMember*>(server.services.pool()->find(member))->config;
  config.capabilities.json = json;
  config.capabilities.schema = schema;
}

std::string text_of(const net::HttpResponse& response) {
  return json_of(response)["choices"][0]["message"]["content"].as_string();
}

TEST(AnswerForm, AWrongAnswerIsSentBackWithoutACallAndTheRightOneIsVerified) {
  TestServer server({{"alpha",
                      {ScriptedStep::says("three"), ScriptedStep::says(R"({"n":"3"})"),
                       ScriptedStep::says(R"({"n":3})"), ScriptedStep::says("ACCEPT")}}});
  verify_when_possible(server);
  server.services.loop.max_turns = 6;
  const net::HttpResponse response =
      server.post("/v1/chat/completions", form_body("trinity", schema_format(true)));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(text_of(response), R"({"n":3})");
  EXPECT_EQ(response.fields.get("x-trinity-form"), "valid");
  EXPECT_EQ(response.fields.get("x-trinity-verified"), "true");
  const Json usage = json_of(response)["usage"]["trinity"];
  EXPECT_TRUE(usage["form"]["valid"].as_bool());
  ASSERT_EQ(usage["turns"].size(), 4u) << "three Workers and a Verifier were paid, and no check";
  EXPECT_EQ(usage["turns"][0]["form"].as_string(), "words") << "it can do neither";
  EXPECT_TRUE(usage["turns"][3]["form"].is_null());
  std::vector<std::string> statuses, diagnoses;
  for (const Json& event : server.events->all()) {
    EXPECT_EQ(json_text(event).find("must be of the type"), std::string::npos) << "hashes only";
    if (event["event"].as_string() != "turn_completed") continue;
    statuses.push_back(event["form_status"].as_string());
    EXPECT_EQ(event["form_diagnosis_hash"].is_string(), statuses.back() == "revised");
  }
  EXPECT_EQ(statuses, (std::vector<std::string>{"revised", "revised", "accepted", ""}));
  ASSERT_EQ(server.asked().size(), 4u);
  const std::string second = json_text(server.asked()[1]);
  EXPECT_NE(second.find("REVISE: the answer is not JSON"), std::string::npos) << second;
  EXPECT_NE(json_text(server.asked()[2]).find("/n: must be of the type integer"),
            std::string::npos);
  EXPECT_NE(second.find("This JSON schema must accept it"), std::string::npos);
}

TEST(AnswerForm, WhatStaysWrongIsGivenUnverifiedOrRefusedWhereItIsStrict) {
  TestServer server({{"alpha", {ScriptedStep::says("three")}}});
  verify_when_possible(server);
  server.services.loop.max_turns = 4;
  const net::HttpResponse given =
      server.post("/v1/chat/completions", form_body("trinity", schema_format(false)));
  ASSERT_EQ(given.status, 200) << given.body;
  EXPECT_EQ(text_of(given), "three");
  EXPECT_EQ(given.fields.get("x-trinity-form"), "invalid");
  EXPECT_EQ(given.fields.get("x-trinity-verified"), "false");
  EXPECT_EQ(given.fields.get("x-trinity-turns"), "2") << "each check took a turn of four";
  const Json usage = json_of(given)["usage"]["trinity"];
  EXPECT_FALSE(usage["form"]["valid"].as_bool());
  EXPECT_NE(usage["form"]["fault"].as_string().find("not JSON"), std::string::npos);
  const net::HttpResponse refused =
      server.post("/v1/chat/completions", form_body("trinity", schema_format(true)));
  EXPECT_EQ(refused.status, 502) << refused.body;
  EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "answer_not_in_form");
  EXPECT_EQ(refused.fields.get("x-should-retry"), "false");
}

TEST(AnswerForm, AnAnswerThatHadTheFormOutlivesOneThatHasNot) {
  TestServer server({{"alpha", {ScriptedStep::says(R"({"n":1})"), ScriptedStep::says("two")}}});
  play_only(server, "Worker");
  server.services.loop.max_turns = 3;
  const net::HttpResponse response =
      server.post("/v1/chat/completions", form_body("trinity", R"({"type":"json_object"})"));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(text_of(response), R"({"n":1})");
  EXPECT_EQ(response.fields.get("x-trinity-form"), "valid");
}

TEST(AnswerForm, NoVerifierAcceptsAWrongFormUnderAnyRules) {
  for (const char* model : {"trinity:reference", "trinity:author"}) {
    TestServer server({{"alpha", {ScriptedStep::says("three"), ScriptedStep::says("ACCEPT")}}});
    server.services.loop.max_turns = 4;
    server.services.decide = [](const coordinate::DecideStep& step) -> Result<coordinate::Decided> {
      auto decided = coordinate::decide_with(tiny_router())(step);
      if (decided && decided->decision) decided->decision->role_id = step.turn == 0 ? 0 : 2;
      return decided;
    };
    const net::HttpResponse response =
        server.post("/v1/chat/completions", form_body(model, schema_format(false)));
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(text_of(response), "three") << model;
    EXPECT_EQ(response.fields.get("x-trinity-verified"), "false") << model;
    EXPECT_EQ(response.fields.get("x-trinity-form"), "invalid") << model;
  }
}

TEST(AnswerForm, MembersThatKeepToASchemaComeFirst) {
  TestServer server({{"alpha", {ScriptedStep::says(R"({"n":1})")}},
                     {"beta", {ScriptedStep::says(R"({"n":2})")}}});
  play_only(server, "Worker");
  const auto ask = [&](const std::string& format) {
    const net::HttpResponse response =
        server.post("/v1/chat/completions", form_body("trinity:fast", format));
    EXPECT_EQ(response.status, 200) << response.body;
    return std::pair(std::string(response.fields.get("x-trinity-member")),
                     json_of(response)["usage"]["trinity"]["turns"][0]["form"].as_string());
  };
  for (const std::string& name : {std::string("alpha"), std::string("beta")}) {
    can(server, "alpha", name == "alpha", false);
    can(server, "beta", name == "beta", false);
    EXPECT_EQ(ask(schema_format(true)), std::pair(name, std::string("json_object")));
    EXPECT_EQ(ask(R"({"type":"json_object"})"), std::pair(name, std::string("json_object")));
    can(server, "alpha", true, name == "alpha");
    can(server, "beta", true, name == "beta");
    EXPECT_EQ(ask(schema_format(true)), std::pair(name, std::string("schema")));
  }
}

TEST(AnswerForm, AStreamShowsNothingBeforeTheFormIsRight) {
  TestServer server({{"alpha", {ScriptedStep::says("three"), ScriptedStep::says(R"({"n":3})")}}});
  play_only(server, "Worker");
  server.services.loop.max_turns = 3;
  const net::HttpResponse response =
      server.post("/v1/chat/completions", form_body("trinity", schema_format(true), true));
  ASSERT_EQ(response.status, 200);
  std::string text;
  Json usage;
  for (const std::string& data : data_of(response.body)) {
    if (data == "[DONE]") continue;
    const Json chunk = *parse_json(data);
    text += chunk["choices"][0]["delta"]["content"].as_string();
    if (chunk["usage"].is_object()) usage = chunk["usage"];
  }
  EXPECT_EQ(text, R"({"n":3})");
  EXPECT_TRUE(usage["trinity"]["form"]["valid"].as_bool()) << response.body;
}

TEST(AnswerForm, TheOtherDialectsAskForItInTheirOwnFields) {
  TestServer server({{"alpha", {ScriptedStep::says("three"), ScriptedStep::says(R"({"n":3})")}}});
  play_only(server, "Worker");
  server.services.loop.max_turns = 3;
  const std::string schema = kSchema;
  const net::HttpResponse responses = server.post(
      "/v1/responses",
      R"({"model":"trinity","input":"How many?","text":{"format":{"type":"json_schema","name":"c",)"
      R"("schema":)" +
          schema + "}}}");
  EXPECT_EQ(responses.fields.get("x-trinity-form"), "valid") << responses.body;
  for (const std::string field : {R"("output_config":{"format":)", R"("output_format":)"}) {
    const net::HttpResponse messages = server.post(
        "/v1/messages",
        R"({"model":"trinity","max_tokens":64,"messages":[{"role":"user","content":"How many?"}],)" +
            field + R"({"type":"json_schema","schema":)" + schema + "}}" +
            (field.find("config") != std::string::npos ? "}" : ""));
    EXPECT_EQ(messages.status, 200) << messages.body;
    EXPECT_EQ(messages.fields.get("x-trinity-form"), "valid") << messages.body;
  }
}

TEST(AnswerForm, AMemberThatIsNamedIsCheckedIntoAHeader) {
  TestServer server({{"alpha", {ScriptedStep::says("three"), ScriptedStep::says(R"({"n":3})")}}});
  for (const char* expected : {"invalid", "valid"}) {
    const net::HttpResponse response =
        server.post("/v1/chat/completions", form_body("alpha", schema_format(true)));
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.fields.get("x-trinity-form"), expected);
  }
  const net::HttpResponse unchecked =
      server.post("/v1/chat/completions",
                  form_body("alpha", schema_format(true, R"({"unevaluatedProperties":false})")));
  EXPECT_EQ(unchecked.status, 200) << unchecked.body;
  EXPECT_FALSE(unchecked.fields.contains("x-trinity-form"));
}

TEST(AnswerForm, ASchemaThatCannotBeCheckedIsRefusedBeforeAnyCall) {
  TestServer server({{"alpha", {ScriptedStep::says("{}")}}});
  for (const std::string& schema :
       {std::string(R"({"$ref":"https://example.org/s"})"), std::string(R"({"type":"number?"})"),
        R"({"title":")" + std::string(70'000, 'x') + "\"}"}) {
    const net::HttpResponse refused =
        server.post("/v1/chat/completions", form_body("trinity", schema_format(false, schema)));
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_EQ(json_of(refused)["error"]["param"].as_string(), "response_format.json_schema.schema");
  }
  EXPECT_TRUE(server.events->names().empty());
}

}  // namespace
}  // namespace trinity::testing
