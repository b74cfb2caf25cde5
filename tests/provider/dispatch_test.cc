// Calls of agents of a spec pool: how the spec is found, mocks, what inference is told, live
// checks.
#include "provider/dispatch.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "provider/live_check.h"

namespace trinity::provider {
namespace {

Json json(std::string_view text) { return *parse_json(text); }

const Json kHello =
    json(R"([{"role":"system","content":"be brief"},{"role":"user","content":"hello"}])");

std::string tag_of(const Result<std::string>& result) { return result ? "" : result.error().tag; }

ProviderSpec spec(std::int64_t id, Provider provider, std::string model = "m") {
  ProviderSpec made;
  made.id = id;
  made.provider = provider;
  made.model = std::move(model);
  return made;
}

/// A backend that notes what it is asked.
struct Recorder {
  std::vector<InferenceClient> clients;
  std::vector<InferenceRequest> requests;

  InferenceBackend backend(std::string answer = "fine") {
    return [this, answer](const InferenceClient& client, const InferenceRequest& request) {
      clients.push_back(client);
      requests.push_back(request);
      return Result<std::string>(answer);
    };
  }
};

TEST(Dispatch, AGP_1_SevenAgentsByDefault) {
  EXPECT_EQ(agent_count(), 7);
  EXPECT_EQ(resolve_pool({})->size(), 7u);
}

TEST(Dispatch, AGP_2_INF_4_NothingIsCalledWithoutAKey) {
  Recorder recorder;
  DispatchOptions options;
  options.inference = recorder.backend();
  options.credentials.api_key = "";
  EXPECT_EQ(tag_of(call_agent(0, kHello, options)), "missing_openai_api_key");
  options.credentials.api_key = " \n";
  EXPECT_EQ(tag_of(call_agent(0, kHello, options)), "missing_openai_api_key");
  EXPECT_TRUE(recorder.clients.empty());
}

TEST(Dispatch, AGP_3_AListIsAPool) {
  DispatchOptions options;
  options.provider_pool = json(R"([{"id":0,"provider":"mock","model":"a"},
                                   {"id":1,"provider":"openai","model":"b"}])");
  EXPECT_EQ(tag_of(call_agent(1, kHello, options)), "missing_openai_api_key");
  EXPECT_TRUE(call_agent(0, kHello, options));
}

TEST(Dispatch, AGP_4_ANameIsAPool) {
  DispatchOptions options;
  options.provider_pool_name = "default";
  EXPECT_EQ(tag_of(call_agent(0, kHello, options)), "missing_openai_api_key");
  EXPECT_GT(*agent_count("default"), 0);
  options.provider_pool_name = "nope";
  EXPECT_EQ(tag_of(call_agent(0, kHello, options)), "unknown_pool");
}

TEST(Dispatch, AGP_5_UnknownAgents) {
  const auto answer = call_agent(99, kHello, {});
  EXPECT_EQ(tag_of(answer), "unknown_agent");
  EXPECT_NE(answer.error().message.find("99"), std::string::npos);
}

TEST(Dispatch, AGP_6_MessagesAreCheckedFirst) {
  DispatchOptions options;
  bool called = false;
  options.adapter = [&](const ProviderSpec&, const std::vector<Message>&, const DispatchOptions&) {
    called = true;
    return Result<std::string>("x");
  };
  const auto answer = call_agent(99, json(R"([{"role":"user"}])"), options);
  EXPECT_EQ(tag_of(answer), "invalid_message");
  EXPECT_NE(answer.error().message.find(R"({"role":"user"})"), std::string::npos);
  EXPECT_EQ(tag_of(call_agent(0, json(R"("hi")"), options)), "invalid_messages");
  EXPECT_EQ(tag_of(call_agent(0, json(R"([{"role":"user","content":3}])"), options)),
            "invalid_message");
  EXPECT_FALSE(called);
  EXPECT_TRUE(call_agent(0, json(R"([{":role":"user",":content":"hi"}])"), options));
  EXPECT_TRUE(called);
}

TEST(Dispatch, PoolsOfAnotherKindAreRefused) {
  DispatchOptions options;
  options.provider_pool = Json(42);
  EXPECT_EQ(tag_of(call_agent(0, kHello, options)), "invalid_provider_pool");
  options.provider_pool = SpecPool{spec(0, Provider::mock)};
  EXPECT_TRUE(call_agent(0, kHello, options));
  EXPECT_EQ(tag_of(call_agent(1, kHello, options)), "unknown_agent");
  options.slots = {{1, 0}};
  EXPECT_TRUE(call_agent(1, kHello, options));
}

TEST(Dispatch, PP_11_SpecsAreFoundInAList) {
  DispatchOptions options;
  options.agents = SpecPool{spec(0, Provider::mock), spec(1, Provider::mock, "second")};
  EXPECT_EQ(resolve_spec(1, options)->model, "second");
}

TEST(Dispatch, MOK_1_PPM_3_AFixedAnswer) {
  DispatchOptions options;
  options.provider_pool = std::string("mock");
  options.mock_response = "always this";
  EXPECT_EQ(call_agent(3, kHello, options), "always this");
}

TEST(Dispatch, MOK_2_AnswersByIdNameModelOrDefault) {
  DispatchOptions options;
  options.provider_pool = std::string("mock");
  options.mock_responses =
      json(R"({"1":"by id","mock_2":"by name","mock-agent-3":"by model","default":"by default"})");
  EXPECT_EQ(call_agent(1, kHello, options), "by id");
  EXPECT_EQ(call_agent(2, kHello, options), "by name");
  EXPECT_EQ(call_agent(3, kHello, options), "by model");
  EXPECT_EQ(call_agent(4, kHello, options), "by default");
}

TEST(Dispatch, MOK_3_AnEchoOtherwise) {
  DispatchOptions options;
  options.provider_pool = std::string("mock");
  EXPECT_EQ(call_agent(1, kHello, options), "MOCK agent=1 model=mock-agent-1: hello");
  EXPECT_EQ(call_agent(1, json(R"([{"role":"system","content":"s"}])"), options),
            "MOCK agent=1 model=mock-agent-1: no user message");
  options.mock = [](const ProviderSpec& one, const std::vector<Message>&) {
    return Result<std::string>("function of " + one.name);
  };
  EXPECT_EQ(call_agent(1, kHello, options), "function of mock_1");
}

TEST(Dispatch, INF_1_WhatAHostedModelIsTold) {
  Recorder recorder;
  DispatchOptions options;
  ProviderSpec reviewer = spec(1, Provider::gemini, "gemini-test");
  reviewer.name = "reviewer";
  reviewer.max_tokens = 64;
  reviewer.temperature = 0.3;
  options.agents = SpecPool{spec(0, Provider::mock), reviewer};
  options.inference = recorder.backend("looks good");
  options.credentials.gemini_api_key = "g-key";
  EXPECT_EQ(call_agent(1, kHello, options), "looks good");
  ASSERT_EQ(recorder.clients.size(), 1u);
  const InferenceClient& client = recorder.clients[0];
  EXPECT_EQ(client.provider, "gemini");
  EXPECT_EQ(client.model, "gemini-test");
  EXPECT_EQ(client.backend_model, "google:gemini-test");
  EXPECT_EQ(client.api_key, "g-key");
  EXPECT_EQ(client.metadata["agent_id"].as_int64(), 1);
  EXPECT_EQ(client.metadata["agent_name"].as_string(), "reviewer");
  EXPECT_EQ(client.metadata["provider_adapter"].as_string(), "gemini");
  const InferenceRequest& request = recorder.requests[0];
  EXPECT_EQ(request.max_tokens, 64);
  EXPECT_EQ(request.temperature, 0.3);
  ASSERT_EQ(request.messages.size(), 2u);
  EXPECT_EQ(request.messages[0].role, "system");
  EXPECT_EQ(request.messages[1].role, "user");
  EXPECT_EQ(request.messages[1].content, "hello");
}

TEST(Dispatch, INF_2_SessionsNameTheirAgent) {
  Recorder recorder;
  DispatchOptions options;
  ProviderSpec session = spec(0, Provider::asm_provider);
  session.metadata = json(R"({"inference_provider":"codex"})");
  options.agents = SpecPool{session};
  options.inference = recorder.backend();
  options.inference_session = json(R"({"id":"s-1"})");
  EXPECT_TRUE(call_agent(0, kHello, options));
  ASSERT_EQ(recorder.clients.size(), 1u);
  EXPECT_EQ(recorder.clients[0].provider, "codex");
  EXPECT_EQ(recorder.requests[0].session, json(R"({"id":"s-1"})"));
}

TEST(Dispatch, INF_3_TheSessionPool) {
  DispatchOptions options;
  options.provider_pool = std::string("gemini_cli_asm");
  const auto client = inference_client(*resolve_spec(0, options), options);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->provider, "gemini");
  EXPECT_EQ(client->backend, "agent_session_manager");
  EXPECT_EQ(client->model, "gemini-3.1-flash-lite-preview");
  EXPECT_EQ(client->backend_model, client->model);
  EXPECT_EQ(client->query_opts["lane"].as_string(), "sdk");
  EXPECT_EQ(client->model_payload["provider"].as_string(), "gemini");
  EXPECT_EQ(client->model_payload["requested_model"].as_string(), client->model);
  EXPECT_EQ(client->model_payload["resolved_model"].as_string(), client->model);
}

TEST(Dispatch, CredentialsOfEachProvider) {
  Recorder recorder;
  const auto call = [&](Provider provider, Credentials keys) {
    DispatchOptions options;
    ProviderSpec one = spec(0, provider);
    one.base_url = "http://127.0.0.1:1";
    options.agents = SpecPool{one};
    options.inference = recorder.backend();
    options.credentials = std::move(keys);
    return tag_of(call_agent(0, kHello, options));
  };
  EXPECT_EQ(call(Provider::openai_compatible, {}), "missing_openai_api_key");
  EXPECT_EQ(call(Provider::gemini, {}), "missing_gemini_api_key");
  EXPECT_EQ(call(Provider::gemini_ex, {}), "missing_gemini_api_key");
  EXPECT_EQ(call(Provider::anthropic, {}), "missing_anthropic_api_key");
  EXPECT_EQ(call(Provider::agent_session_manager, {}), "");
  Credentials other;
  other.google_api_key = "k";
  EXPECT_EQ(call(Provider::gemini, other), "");
  EXPECT_EQ(call(Provider::openai_compatible, other), "missing_openai_api_key");
  other.openai_api_key = "k";
  EXPECT_EQ(call(Provider::openai_compatible, other), "");
  EXPECT_EQ(recorder.clients.back().provider, "openai");
}

TEST(Dispatch, FailuresOfInferenceShowNoKey) {
  DispatchOptions options;
  options.agents = SpecPool{spec(0, Provider::anthropic)};
  options.credentials.api_key = "very-secret-key";
  EXPECT_EQ(tag_of(call_agent(0, kHello, options)), "invalid_inference_provider_call");
  options.inference = [](const InferenceClient& client, const InferenceRequest&) {
    return Result<std::string>(fail(ErrorKind::failed, "http", "refused with " + client.api_key));
  };
  const auto answer = call_agent(0, kHello, options);
  EXPECT_EQ(tag_of(answer), "inference_error");
  EXPECT_EQ(answer.error().message.find("very-secret-key"), std::string::npos);
  EXPECT_NE(answer.error().message.find("http"), std::string::npos);
  EXPECT_EQ(tag_of(inference_answer(spec(0, Provider::mock), {}, options)),
            "invalid_inference_provider_call");
}

// -- live checks
// -----------------------------------------------------------------------------------

using Environment = std::map<std::string, std::string>;

std::string skip_of(const Environment& environment) {
  const auto read = read_live_check(environment);
  const auto* skip = std::get_if<LiveCheckSkip>(&read);
  return skip ? live_check_skip_name(*skip) : "";
}

TEST(LiveCheck, SMK_2_DisabledUnlessAskedFor) {
  EXPECT_EQ(skip_of({}), "disabled");
  EXPECT_EQ(skip_of({{"TRINITY_ENABLE_PROVIDER_TESTS", "yes"}}), "disabled");
}

TEST(LiveCheck, SMK_3_ABudgetIsNeeded) {
  EXPECT_EQ(skip_of({{"TRINITY_ENABLE_PROVIDER_TESTS", "1"}}), "budget_missing");
  for (const char* budget : {"0", "-1", "much", "1x", "inf", "nan"})
    EXPECT_EQ(
        skip_of({{"TRINITY_ENABLE_PROVIDER_TESTS", "1"}, {"TRINITY_PROVIDER_BUDGET_USD", budget}}),
        "invalid_budget")
        << budget;
}

TEST(LiveCheck, SMK_4_AKeyIsNeeded) {
  EXPECT_EQ(skip_of({{"TRINITY_ENABLE_PROVIDER_TESTS", "1"},
                     {"TRINITY_PROVIDER_BUDGET_USD", "2.5"},
                     {"OPENAI_API_KEY_ENV", "NOT_SET"}}),
            "api_key_missing");
}

TEST(LiveCheck, SMK_5_SMK_6_WhatItMaySpend) {
  for (const Environment& key :
       {Environment{{"OPENAI_API_KEY", "k"}}, Environment{{"TRINITY_OPENAI_API_KEY", "k"}},
        Environment{{"OPENAI_API_KEY_ENV", "MY_KEY"}, {"MY_KEY", "k"}}}) {
    Environment environment = key;
    environment["TRINITY_ENABLE_PROVIDER_TESTS"] = "1";
    environment["TRINITY_PROVIDER_BUDGET_USD"] = "2.5";
    const auto read = read_live_check(environment);
    const auto* check = std::get_if<LiveCheck>(&read);
    ASSERT_TRUE(check);
    EXPECT_EQ(check->budget_usd, 2.5);
    EXPECT_EQ(check->api_key, "k");
    EXPECT_EQ(check->max_tokens, 16);
    EXPECT_EQ(check->timeout_ms, 30'000);
  }
  EXPECT_LE(kLiveCheckMaxTokens, 16);
  EXPECT_LE(kLiveCheckTimeoutMs, 30'000);
}

}  // namespace
}  // namespace trinity::provider
