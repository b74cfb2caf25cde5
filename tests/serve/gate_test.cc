// Who gets in: hosts, origins, keys, paths.
#include "serve/gate.h"

#include <gtest/gtest.h>

#include "base/sha256.h"
#include "base/temporary_folder.h"
#include "serve/test_server.h"

namespace trinity::testing {
namespace {

using provider::ScriptedStep;

TestServer::Scripts one_member() { return {{"alpha", {ScriptedStep::says("ACCEPT: 42")}}}; }

TEST(Gate, NothingButLivenessAndThePageIsAnsweredWithoutAKeyOnceKeysAreSet) {
  TestServer server(one_member(), {.keys = {{"alice", sha256_hex("alices-secret-key-1")}}});
  EXPECT_EQ(server.get("/healthz").status, 200);
  EXPECT_EQ(server.get("/readyz").status, 200);
  EXPECT_EQ(server.get("/").status, 200);
  for (const char* path :
       {"/v1/models", "/metrics", "/v1/models/alpha", "/nothing", "/page", "/v1/trinity/status"}) {
    const net::HttpResponse refused = server.get(path);
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "invalid_api_key");
  }
  EXPECT_EQ(server.post("/v1/chat/completions", chat_body("alpha")).status, 401);
  for (const auto& [name, value] : {std::pair{"authorization", "Bearer alices-secret-key-1"},
                                    std::pair{"authorization", "bearer alices-secret-key-1"},
                                    std::pair{"x-api-key", "alices-secret-key-1"}}) {
    net::OutgoingRequest request = server.request("GET", "/v1/models");
    request.fields.set(name, value);
    EXPECT_EQ(server.send(request).status, 200) << name;
    request.fields.set(name, std::string(value) + "x");
    EXPECT_EQ(server.send(request).status, 401) << name;
  }
}

TEST(Gate, AnAnswerToMessagesTellsErrorsInItsWords) {
  TestServer server(one_member(), {.keys = {{"alice", sha256_hex("alices-secret-key-1")}}});
  const net::HttpResponse refused = server.post("/v1/messages", "{}");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(json_of(refused)["type"].as_string(), "error");
  EXPECT_EQ(json_of(refused)["error"]["type"].as_string(), "authentication_error");
  EXPECT_EQ(refused.fields.get("request-id"), refused.fields.get("x-request-id"));
}

TEST(Gate, AServerOnThisMachineAnswersToItsOwnNames) {
  TestServer server(one_member(), {.hosts = {"box.example"}});
  const auto status = [&](const std::string& host) {
    // The client writes Host from the address, so the gate is asked through a proxy's field order.
    serve::GateOptions options{.hosts = {"box.example"}};
    struct Fake : net::Exchange {
      net::HttpRequest asked;
      int answered = 0;
      const net::HttpRequest& request() const override { return asked; }
      std::string peer() const override { return "127.0.0.1:1"; }
      void respond(net::HttpResponse response) override { answered = response.status; }
      void begin(net::HttpResponse) override {}
      void write(std::string) override {}
      void end() override {}
      std::size_t pending_bytes() const override { return 0; }
      void when_pending_at_most(std::size_t, std::function<void()>) override {}
      void when_gone(std::function<void()>) override {}
    };
    const auto exchange = std::make_shared<Fake>();
    exchange->asked.method = "GET";
    exchange->asked.target = "/v1/models";
    exchange->asked.fields.set("host", host);
    const auto admitted = serve::Gate(options).admit(exchange);
    return admitted ? 200 : exchange->answered;
  };
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:9", "127.1.2.3",
                           "[::1]:8080", "box.example:80"})
    EXPECT_EQ(status(host), 200) << host;
  for (const char* host :
       {"evil.example", "127.evil.example", "localhost.evil.example", "", "[::2]", "0.0.0.0"})
    EXPECT_EQ(status(host), 403) << host;
}

TEST(Gate, PagesOfOtherOriginsAreRefusedAndThoseOfTheListAreNot) {
  TestServer server(one_member(), {.keys = {{"alice", sha256_hex("alices-secret-key-1")}},
                                   .origins = {"https://chat.example"}});
  net::OutgoingRequest preflight = server.request("OPTIONS", "/v1/chat/completions");
  preflight.fields.set("origin", "https://chat.example");
  preflight.fields.set("access-control-request-method", "POST");
  preflight.fields.set("access-control-request-headers", "authorization, x-stainless-os");
  const net::HttpResponse allowed = server.send(preflight);
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.fields.get("access-control-allow-origin"), "https://chat.example");
  EXPECT_EQ(allowed.fields.get("access-control-allow-headers"), "authorization, x-stainless-os");
  preflight.fields.set("origin", "https://evil.example");
  EXPECT_EQ(server.send(preflight).status, 403);
}

TEST(Gate, AnErrorDoesNotQuoteTheConversation) {
  TestServer server(one_member());
  for (const char* body : {R"({"messages":[{"role":"user","content":"my secret"]})",
                           R"({"messages":["my secret" "my secret"]})"}) {
    const net::HttpResponse refused = server.post("/v1/chat/completions", body);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body.find("secret"), std::string::npos) << refused.body;
    EXPECT_NE(refused.body.find("at byte"), std::string::npos) << refused.body;
  }
}

TEST(Gate, PathsAreForgivingAndWhatIsNotThereIsSaid) {
  TestServer server(one_member());
  EXPECT_EQ(server.get("/models/").status, 200);
  EXPECT_EQ(server.post("/chat/completions", chat_body("alpha")).status, 200);
  const net::HttpResponse wrong = server.get("/v1/chat/completions");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.fields.get("allow"), "POST");
  EXPECT_EQ(server.get("/v1/nothing").status, 404);
}

TEST(Gate, KeysAreReadWithTheLineOfWhatIsWrong) {
  TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    return serve::read_api_keys(folder.put("keys", text));
  };
  const auto keys =
      read("# people\n\nalice = alices-secret-key-1\r\nbob=sha256:" + sha256_hex("b") + "\n");
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].sha256, sha256_hex("alices-secret-key-1"));
  for (const char* bad : {"", "alice\n", "= x\n", "alice = short\n", "alice = sha256:12\n",
                          "a = alices-secret-key-1\nb = alices-secret-key-1\n",
                          "a = alices-secret-key-1\na = alices-secret-key-2\n"}) {
    const auto refused = read(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().tag, "invalid_api_keys");
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace trinity::testing
