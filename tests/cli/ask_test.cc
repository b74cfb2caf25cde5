// trinity ask, pool and trace show: the loop through the program, with the demo pool and with a
// member behind HTTP. What is printed for people is in cases/ask*.case.
//
// Conformance: RDP-1 to RDP-5 and GOV-5, in the form that they have here: without --pool nobody
// outside is asked, a pool file allows it, and its key comes from where it says.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "base/printable.h"
#include "cli/json_schema.h"
#include "cli/test_model.h"
#include "trace/jsonl_sink.h"
#include "trace/order.h"
#include "trace/reader.h"

namespace trinity::testing {
namespace {

constexpr const char* kQuestion = "What is 17 * 23?";

/// A listener on loopback: what a request says, and the answer that the test gives to it.
class Upstream {
 public:
  Upstream() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no listener");
    port_ = ntohs(address.sin_port);
  }
  ~Upstream() { close(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

  /// Waits for a request and keeps its connection; its text so far.
  std::string receive() {
    connection_ = ::accept(listener_, nullptr, nullptr);
    std::string text;
    std::array<char, 4096> buffer;
    while (true) {
      const std::size_t head = text.find("\r\n\r\n");
      if (head != std::string::npos) {
        const std::size_t at = text.find("ontent-Length: ");
        const std::size_t small = text.find("ontent-length: ");
        const std::size_t length = std::min(at, small);
        const std::size_t body =
            length < head ? std::stoul(text.substr(length + 15)) : std::size_t{0};
        if (text.size() >= head + 4 + body) return text;
      }
      const ssize_t count = ::read(connection_, buffer.data(), buffer.size());
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  void answer(const std::string& body) {
    const std::string text =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: "
        "close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(::write(connection_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(connection_);
    connection_ = -1;
  }
  void close() {
    if (connection_ >= 0) ::close(connection_);
    if (listener_ >= 0) ::close(listener_);
    connection_ = listener_ = -1;
  }

 private:
  int listener_ = -1, connection_ = -1;
  std::uint16_t port_ = 0;
};

std::string reply_of(const std::string& text) {
  return Json{{"id", "r1"},
              {"object", "chat.completion"},
              {"model", "m"},
              {"choices",
               {{{"index", 0},
                 {"message", {{"role", "assistant"}, {"content", text}}},
                 {"finish_reason", "stop"}}}},
              {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 7}, {"total_tokens", 107}}}}
      .dump();
}

class Ask : public ::testing::Test {
 protected:
  std::string trace_file() const { return (folder_ / "runs.jsonl").string(); }

  /// The events of the only run of the file, each of which is what the schema says.
  std::vector<trinity::Json> events() const {
    for (const std::string& line : lines_of(slurp(trace_file())))
      EXPECT_EQ(JsonSchemas::ours().fault_of("trace_event", Json::parse(line)), "") << line;
    const auto log = trace::read_trace_files(trace_file());
    EXPECT_TRUE(log && log->faults.empty());
    if (!log) return {};
    EXPECT_EQ(trace::runs_of(*log).size(), 1U);
    return log->events;
  }

  std::string pool_of(const Upstream& upstream, const std::string& more = {}) const {
    return folder_
        .put("pool.toml", "[[member]]\nname = \"far\"\nkind = \"openai\"\nurl = \"" +
                              upstream.url() + "\"\nmodel = \"m\"\nretries = 0\n" + more +
                              "\n[slots]\nothers = \"far\"\n")
        .string();
  }

  TemporaryFolder folder_;
};

TEST_F(Ask, RDP_1_2_3_4_WithoutAPoolFileTheDemoPoolAnswersAndNobodyOutsideIsAsked) {
  const Outcome outcome = run({"ask", "--json", "--trace", trace_file(), kQuestion});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("demo pool"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("tiny router"), std::string::npos) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_NE(record["answer"].get<std::string>().find("391"), std::string::npos) << outcome.out;
  EXPECT_EQ(record["pool"], "demo");
  EXPECT_EQ(record["tiny_router"], true);
  const std::vector<trinity::Json> told = events();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front()["provider_mode"].as_string(), "mock");
  EXPECT_EQ(told.front()["run_id"].as_string(), record["run_id"].get<std::string>());
  EXPECT_TRUE(trace::check_order(told));
  EXPECT_EQ(slurp(trace_file()).find("Answer: 391"), std::string::npos) << "a trace holds no text";
}

TEST_F(Ask, TheRecordAndTheTraceTellTheSameTurns) {
  const Outcome outcome = run({"ask", "--json", "--trace", trace_file(), "What is 2 + 3 * 4?"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  std::size_t completed = 0, calls = 0;
  std::int64_t input = 0, output = 0;
  for (const Json& turn : record["turns"]) {
    completed += turn["completed"] == true ? 1 : 0;
    for (const Json& call : turn["calls"]) {
      ++calls;
      input += call["usage"]["input"].get<std::int64_t>();
      output += call["usage"]["output"].get<std::int64_t>();
    }
  }
  EXPECT_EQ(record["calls"], calls);
  EXPECT_EQ(record["usage"]["input"], input);
  EXPECT_EQ(record["usage"]["output"], output);
  const Outcome shown = run({"trace", "show", "--json", trace_file()});
  ASSERT_EQ(shown.status, 0) << shown.err;
  const Json story = Json::parse(shown.out);
  EXPECT_EQ(story["complete"], true);
  EXPECT_EQ(story["runs"][0]["turns"], completed);
  EXPECT_EQ(story["runs"][0]["end"], record["final_status"]);
  const Outcome people = run(
      {"trace", "show", trace_file(), "--run", record["run_id"].get<std::string>().substr(0, 18)});
  EXPECT_EQ(people.status, 0) << people.err;
  EXPECT_NE(people.out.find(record["final_status"].get<std::string>()), std::string::npos);
}

TEST_F(Ask, RecordedQuestionsAreReplayedAndTheSameRouterChangesNothing) {
  for (const char* question : {kQuestion, "Reverse the word \"lantern\"", "Is 1009 prime?"})
    ASSERT_EQ(run({"ask", "--json", "--trace", trace_file(), "--trace-messages", "--trace-max-mib",
                   "0.01", question})
                  .status,
              0);
  ASSERT_TRUE(std::filesystem::exists(trace_file() + ".1")) << "rotated files are read, too";
  std::string text;
  for (const auto& file : trace::trace_files(trace_file())) text += slurp(file);
  EXPECT_NE(text.find("17 * 23"), std::string::npos);
  for (const std::string& line : lines_of(text))
    EXPECT_EQ(JsonSchemas::ours().fault_of("trace_event", Json::parse(line)), "") << line;
  const Outcome same = run({"replay", "--json", "--fail-above", "0", trace_file()});
  ASSERT_EQ(same.status, 0) << same.err;
  const Json record = Json::parse(same.out);
  EXPECT_EQ(record["runs"], 3);
  EXPECT_GE(record["compared"], 3);
  EXPECT_EQ(record["changed"], 0);
  EXPECT_EQ(record["equal_route_hashes"], record["compared"]);
  EXPECT_EQ(record["skipped"].size(), 0U) << same.out;
  EXPECT_EQ(run({"replay", "--json", "--fail-above", "0", trace_file()}).out, same.out);

  // Another way of reading stands for another router.
  const std::string page = (folder_ / "replay.html").string();
  const Outcome other = run({"replay", "--json", "--fail-above", "0", "--input-mode", "chat",
                             "--report", page, trace_file()});
  EXPECT_EQ(other.status, 1) << other.out;
  EXPECT_GT(Json::parse(other.out)["changed"], 0);
  EXPECT_NE(slurp(page).find("Decisions that change"), std::string::npos);
  EXPECT_EQ(run({"replay", "--fail-above", "1", "--input-mode", "chat", trace_file()}).status, 0);
  const Outcome held = run({"replay", "--json", "--fail-above", "0", "--input-mode", "chat",
                            "--threshold", "1000000", trace_file()});
  EXPECT_EQ(held.status, 0) << held.err;
  for (const std::size_t columns : {80U, 60U, 40U}) {
    const Outcome shown = run({"replay", "--input-mode", "chat", trace_file()}, {},
                              {{"COLUMNS", std::to_string(columns)}});
    EXPECT_EQ(shown.status, 0) << shown.err;
    for (const std::string& line : lines_of(shown.out))
      EXPECT_LE(display_width(line), columns) << line;
  }
}

TEST_F(Ask, MostQuestionsOfTheDemoPoolGetTheirAnswer) {
  const std::map<std::string, std::string> questions = {
      {"What is 17*23?", "391"},
      {"convert 5 miles to km", "8.04672"},
      {"How many words are in \"the quick brown fox jumps\"?", "5"},
      {"What weekday was 2024-02-29?", "Thursday"},
      {"Is 1009 prime?", "yes"},
      {"What is 2 + 3 * 4?", "14"},
      {"Reverse the word \"lantern\"", "nretnal"},
      {"Sort these words: pear, apple, fig", "apple"},
      {"What is the greatest common divisor of 84 and 36?", "12"},
      {"How many days are between 2024-01-01 and 2024-03-01?", "60"}};
  std::string input;
  for (const auto& [question, answer] : questions)
    input +=
        Json{{"id", answer}, {"messages", {{{"role", "user"}, {"content", question}}}}}.dump() +
        "\n";
  const Outcome outcome = run({"ask", "--json"}, input);
  std::size_t right = 0, verified = 0;
  for (const Json& record : records_of(outcome)) {
    const std::string answer = record.value("answer", Json()).is_string()
                                   ? record["answer"].get<std::string>()
                                   : std::string();
    right += answer.find(record["id"].get<std::string>()) != std::string::npos ? 1 : 0;
    verified += record["verified"] == true ? 1 : 0;
  }
  EXPECT_EQ(right, questions.size()) << outcome.out;
  EXPECT_GE(verified, 1U) << outcome.out;
}

TEST_F(Ask, RDP_5_GOV_5_APoolFileAllowsCallsAndItsKeyIsTheOneThatItNames) {
  Upstream upstream;
  folder_.put("key", "the-file's-key\n");
  const std::string pool = pool_of(upstream, "key = \"file:" + (folder_ / "key").string() + "\"\n");
  std::vector<std::string> requests;
  std::thread server([&] {
    for (int call = 0; call < 2; ++call) {
      requests.push_back(upstream.receive());
      upstream.answer(reply_of("It is 391.\x1b]2;PWNED\x07 \u202e"));
    }
  });
  const Outcome outcome = run({"ask", "--pool", pool, "--max-turns", "2", "--max-calls", "2",
                               "--trace", trace_file(), kQuestion},
                              {}, {{"OPENAI_API_KEY", "ambient-key"}});
  if (outcome.status != 0) upstream.close();
  server.join();
  ASSERT_EQ(outcome.status, 0) << outcome.err << outcome.out;
  for (const std::string& request : requests) {
    EXPECT_NE(request.find("the-file's-key"), std::string::npos) << request;
    EXPECT_EQ(request.find("ambient-key"), std::string::npos);
  }
  for (const std::string& line : lines_of(outcome.out)) EXPECT_EQ(printable(line), line);
  EXPECT_NE(outcome.out.find("391"), std::string::npos) << outcome.out;
  EXPECT_EQ((outcome.out + outcome.err + slurp(trace_file())).find("the-file's-key"),
            std::string::npos);
  EXPECT_EQ(events().front()["provider_mode"].as_string(), "live");
}

/// A packet for a head of seven agents whose members are all one model at the upstream.
std::string authority_of(const Upstream& upstream, const std::string& more) {
  Json packet = {{"authority_ref", "authority-1"},   {"workflow_ref", "workflow-1"},
                 {"runtime_ref", "runtime-1"},       {"provider_pool_ref", "pool-1"},
                 {"credential_ref", "credential-1"}, {"provider_pool", Json::array()},
                 {"api_key", "the-packets-key"},     {"base_url", upstream.url()}};
  for (int id = 0; id < 7; ++id)
    packet["provider_pool"].push_back(
        {{"id", id}, {"provider", "openai"}, {"model", "tiny"}, {"max_tokens", 16}});
  packet.merge_patch(Json::parse(more));
  return packet.dump();
}

TEST_F(Ask, GOV_4_SMK_1_AGovernedRunTakesPoolAndKeyFromItsAuthorityAlone) {
  Upstream upstream;
  const std::string authority =
      folder_.put("authority.json", authority_of(upstream, "{}")).string();
  std::vector<std::string> requests;
  std::thread server([&] {
    for (int call = 0; call < 2; ++call) {
      requests.push_back(upstream.receive());
      upstream.answer(reply_of("It is 391."));
    }
  });
  const Outcome outcome =
      run({"ask", "--authority", authority, "--require-governed", "--max-turns", "2", "--max-calls",
           "2", "--max-cost-usd", "2.5", "--trace", trace_file(), kQuestion},
          {}, {{"OPENAI_API_KEY", "ambient-key"}});
  if (outcome.status != 0) upstream.close();
  server.join();
  ASSERT_EQ(outcome.status, 0) << outcome.err << outcome.out;
  for (const std::string& request : requests) {
    EXPECT_NE(request.find("the-packets-key"), std::string::npos) << request;
    EXPECT_NE(request.find("\"max_tokens\":16"), std::string::npos) << request;
    EXPECT_EQ(request.find("ambient-key"), std::string::npos);
  }
  const std::string trace = slurp(trace_file());
  EXPECT_EQ(trace.find("the-packets-key"), std::string::npos);
  EXPECT_EQ(trace.find("authorization"), std::string::npos);
  const std::string origin = upstream.url().substr(0, upstream.url().size() - 3);
  EXPECT_EQ(trace.find(origin), std::string::npos) << "the address is redacted, too";
  EXPECT_NE(trace.find("<redacted>"), std::string::npos) << trace;
  EXPECT_NE(trace.find("\"event\":\"provider_called\""), std::string::npos);
  EXPECT_NE(trace.find("\"status\":\"ok\""), std::string::npos);
}

TEST_F(Ask, AGovernedRunRefusesWhatStandsBesideItsAuthority) {
  Upstream upstream;
  const auto ask = [&](const Words& more) {
    Words words = {"ask"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(kQuestion);
    const Outcome outcome = run(words, {}, {{"OPENAI_API_KEY", "ambient-key"}});
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    return outcome.err;
  };
  const auto packet = [&](const std::string& more) {
    return folder_.put("authority.json", authority_of(upstream, more)).string();
  };
  EXPECT_NE(ask({"--require-governed"}).find("--authority"), std::string::npos);
  EXPECT_NE(ask({"--require-governed", "--pool", pool_of(upstream)}).find("--authority"),
            std::string::npos);
  EXPECT_NE(ask({"--authority", packet("{}"), "--pool", pool_of(upstream)}).find("provider_pool"),
            std::string::npos);
  EXPECT_NE(ask({"--authority", packet(R"({"runtime_ref":" "})")}).find("runtime_ref"),
            std::string::npos);
  EXPECT_NE(ask({"--authority", packet(R"({"provider_pool":[]})")}).find("provider_pool"),
            std::string::npos);
  const std::string text = ask({"--authority", packet(R"({"api_key":7})")});
  EXPECT_NE(text.find("api_key"), std::string::npos) << text;
}

TEST_F(Ask, CtrlCCancelsTheCallAndSaysWhatWasSpent) {
  for (const bool json : {false, true}) {
    Upstream upstream;
    Words call = {"ask", "--pool", pool_of(upstream), kQuestion};
    if (json) call.push_back("--json");
    if (!json) call.insert(call.begin() + 1, {"--trace", trace_file()});
    Process process(call);
    EXPECT_NE(upstream.receive().find("17 * 23"), std::string::npos);
    process.signal(SIGINT);
    const Outcome outcome = process.finish({});
    EXPECT_EQ(outcome.status, 130) << outcome.err;
    EXPECT_NE(outcome.err.find("cancelled; spent until then: 1 call"), std::string::npos)
        << outcome.err;
    if (!json) continue;
    const Json record = Json::parse(outcome.out);
    EXPECT_EQ(JsonSchemas::ours().fault_of("ask", record), "");
    EXPECT_EQ(record["failure"]["tag"], "cancelled");
  }
  const std::vector<trinity::Json> told = events();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back()["reason"].as_string(), "cancelled");
  EXPECT_TRUE(trace::check_order(told));
  const Outcome shown = run({"trace", "show", trace_file()});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_NE(shown.out.find("cancelled"), std::string::npos) << shown.out;
}

TEST_F(Ask, CtrlCCancelsADirectCallToo) {
  Upstream upstream;
  Process process(Words{"ask", "--pool", pool_of(upstream), "--member", "far", kQuestion});
  upstream.receive();
  process.signal(SIGTERM);
  const Outcome outcome = process.finish({});
  EXPECT_EQ(outcome.status, 143) << outcome.err;
  EXPECT_NE(outcome.err.find("cancelled"), std::string::npos) << outcome.err;
}

TEST_F(Ask, AMemberThatCannotBeReachedIsToldByTheCheck) {
  std::string pool;
  {
    const Upstream upstream;  // gone again before the check
    pool = pool_of(upstream);
  }
  const Outcome text = run({"pool", "check", "--pool", pool});
  EXPECT_EQ(text.status, 1) << text.out;
  const Outcome json = run({"pool", "check", "--json", "--pool", pool});
  EXPECT_EQ(json.status, 1);
  EXPECT_EQ(Json::parse(json.out)["members"][0]["reachable"], false);
  const Outcome asked = run({"ask", "--json", "--pool", pool, kQuestion});
  EXPECT_EQ(asked.status, 1);
  EXPECT_EQ(Json::parse(asked.out)["final_status"], "failed") << asked.out;
}

}  // namespace
}  // namespace trinity::testing
