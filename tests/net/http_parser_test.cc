// What is a request, what is refused, and that it does not matter how the bytes come.
#include "net/http_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/process.h"
#include "net/gzip_reader.h"
#include "net/http_writer.h"
#include "net/parsed_whole.h"
#include "net/refused_requests.h"

namespace trinity::net {
namespace {

using testing::parse_whole;

RequestHead head_of(const std::string& text) {
  std::size_t scanned = 0;
  const auto end = find_head_end(text, scanned);
  EXPECT_TRUE(end && *end == text.size()) << text;
  auto head = parse_request_head(text, {});
  EXPECT_TRUE(head) << text << (head ? "" : head.error().why);
  return head ? std::move(*head) : RequestHead();
}

TEST(HttpParser, ReadsARequest) {
  const RequestHead head = head_of(
      "POST /v1/chat/completions?a=%20b HTTP/1.1\r\nHost: localhost:8080\r\nX-Empty:\r\n"
      "content-LENGTH: 12\r\nX-Text:  a\tb \xc3\xa4 \r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.target, "/v1/chat/completions?a=%20b");
  EXPECT_EQ(head.request.fields.get("x-text"), "a\tb \xc3\xa4");
  EXPECT_TRUE(head.request.fields.contains("X-EMPTY"));
  EXPECT_EQ(head.framing, Framing::fixed);
  EXPECT_EQ(head.length, 12u);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
}

TEST(HttpParser, KeepsAConnectionAsTheVersionAndTheFieldSay) {
  const std::string host = "Host: h\r\n";
  EXPECT_TRUE(head_of("GET / HTTP/1.1\r\n" + host + "\r\n").keep_alive);
  EXPECT_FALSE(head_of("GET / HTTP/1.1\r\n" + host + "Connection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(head_of("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(head_of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST(HttpParser, RefusesWhatTwoParsersCouldReadDifferently) {
  for (const auto& [name, bytes, status] : testing::refused_requests()) {
    const auto outcome = parse_whole(bytes);
    EXPECT_EQ(outcome.status, status) << name << ": " << outcome.why;
    EXPECT_FALSE(outcome.why.empty()) << name;
  }
}

TEST(HttpParser, RefusesAsSoonAsTheWrongByteIsThere) {
  // A waiting parser would hold the connection until its deadline.
  for (const char* bytes :
       {"GET / HTTP/1.1\n", "\r\n", "GET / HTTP/1.1\r\nA: b\rc", "\x16\x03\x01", "GET /\0"}) {
    std::size_t scanned = 0;
    const std::string_view text(bytes, std::string_view(bytes) == "GET /" ? 6 : std::strlen(bytes));
    EXPECT_FALSE(find_head_end(text, scanned)) << bytes;
  }
}

TEST(HttpParser, EncodedSlashesPassWhereTheyAreAllowed) {
  const std::string text = "GET /v1/models/a%2Fb HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_FALSE(parse_request_head(text, {}));
  EXPECT_TRUE(parse_request_head(text, {100, true}));
  EXPECT_FALSE(parse_request_head("GET /a/..%2Fb/%2e%2e HTTP/1.1\r\nHost: h\r\n\r\n", {100, true}));
}

TEST(HttpParser, ASplitAnywhereReadsTheSame) {
  const std::string bytes =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=\"y\"\r\nhello\r\n00A\r\n, chunked!\r\n0\r\nTrailer: t\r\n\r\n";
  const auto whole = parse_whole(bytes);
  EXPECT_EQ(whole.status, 0) << whole.why;
  EXPECT_EQ(whole.body, "hello, chunked!");
  EXPECT_TRUE(whole.complete);
  EXPECT_EQ(whole.consumed, bytes.size());
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    const auto split = parse_whole(bytes, {cut});
    EXPECT_EQ(split.body, whole.body) << cut;
    EXPECT_TRUE(split.complete) << cut;
  }
  std::vector<std::size_t> every_byte;
  for (std::size_t i = 1; i < bytes.size(); ++i) every_byte.push_back(i);
  EXPECT_EQ(parse_whole(bytes, every_byte).body, whole.body);
}

TEST(HttpParser, WhatFollowsABodyIsTheNextRequest) {
  const std::string first = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(parse_whole(first + "GET / HTTP/1.1\r\n").consumed, first.size());
}

TEST(HttpParser, ExtensionsAndTrailersAreBounded) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string extended = head;
  for (int i = 0; i < 100; ++i) extended += "1;" + std::string(1000, 'x') + "\r\na\r\n";
  EXPECT_EQ(parse_whole(extended).status, 400);
  std::string trailers = head + "0\r\n";
  for (int i = 0; i < 200; ++i) trailers += "T: t\r\n";
  EXPECT_EQ(parse_whole(trailers).status, 400);
  EXPECT_EQ(parse_whole(head + "1;" + std::string(5000, 'x')).status, 400);
}

ResponseHead response_of(const std::string& text) {
  const auto head = parse_response_head(text);
  EXPECT_TRUE(head) << text;
  return head ? *head : ResponseHead();
}

TEST(HttpParser, ResponsesSayHowTheirBodiesEnd) {
  EXPECT_EQ(response_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").framing, Framing::fixed);
  EXPECT_EQ(response_of("HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n").framing,
            Framing::chunked);
  EXPECT_EQ(response_of("HTTP/1.0 200 OK\r\n\r\n").framing, Framing::until_close);
  EXPECT_EQ(response_of("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").framing,
            Framing::none);
  EXPECT_EQ(response_of("HTTP/1.1 103 Early Hints\r\n\r\n").framing, Framing::none);
  const ResponseHead both =
      response_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(both.framing, Framing::chunked);
  EXPECT_FALSE(both.keep_alive);
  EXPECT_EQ(response_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n").length,
            5u);
  for (const char* wrong :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"})
    EXPECT_FALSE(parse_response_head(wrong)) << wrong;
}

TEST(HttpParser, ResponsesMayHaveSpacesBehindAChunksSize) {
  BodyReader body(Framing::chunked, 0, BodyReader::Rules::response);
  const auto step = body.next("5  \r\nhello\r\n0\r\n\r\n");
  EXPECT_EQ(step.piece, "hello");
  BodyReader strict(Framing::chunked, 0, BodyReader::Rules::strict);
  EXPECT_NE(strict.next("5  \r\nhello\r\n0\r\n\r\n").wrong, nullptr);
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

/// Requests and refused ones, each with a few changes that parsers have differed about.
std::vector<std::string> changed_requests() {
  using namespace std::string_literals;
  std::vector<std::string> seeds = {
      "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /a?b=%20 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\nA: b c\r\n\r\nhello, rest",
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;x=y\r\nabc\r\n00a\r\n0123456789\r\n0\r\nT: t\r\n\r\nrest",
      "HEAD /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};
  const std::size_t valid = seeds.size();
  for (const auto& request : testing::refused_requests()) seeds.push_back(request.bytes);
  const std::vector<std::string> pieces = {"\r\n",
                                           "\n",
                                           "\r",
                                           " ",
                                           "\t",
                                           "\0"s,
                                           ":",
                                           ";",
                                           ",",
                                           "\x7f",
                                           "\x0b",
                                           "\xff",
                                           "0",
                                           "1",
                                           "a",
                                           "-",
                                           "+",
                                           "0x",
                                           "\r\n ",
                                           "%2f",
                                           "/",
                                           "//",
                                           "#",
                                           "HTTP/1.0",
                                           "Host: x\r\n",
                                           "Content-Length: 5\r\n",
                                           "Transfer-Encoding: chunked\r\n",
                                           "chunked",
                                           "Connection: close\r\n",
                                           "A: b\r\n"};
  std::mt19937 random(11);
  std::vector<std::string> all = seeds;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = seeds[random() % (random() % 2 == 0 ? valid : seeds.size())];
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      const std::string& piece = pieces[random() % pieces.size()];
      if (random() % 3 == 0)
        bytes.insert(at, piece);
      else
        bytes.replace(at, random() % 2 == 0 ? 1 : piece.size(), piece);
    }
    all.push_back(std::move(bytes));
  }
  return all;
}

TEST(HttpParser, AgreesWithAnIndependentParser) {
  const std::filesystem::path source = TRINITY_SOURCE_DIR;
  const char* named = std::getenv("TRINITY_H11_PYTHON");
  const std::filesystem::path python = named ? named : source / ".venv-net/bin/python";
  if (!std::filesystem::exists(python))
    GTEST_SKIP() << "SKIPPED: no Python with h11 at " << python
                 << " (python3 -m venv .venv-net && .venv-net/bin/pip install h11==0.16.0)";
  const auto path = std::filesystem::path(::testing::TempDir()) / "requests.txt";
  std::size_t accepted = 0;
  {
    std::ofstream file(path);
    for (const std::string& bytes : changed_requests()) {
      const auto parsed = parse_whole(bytes);
      file << hex(bytes);
      if (parsed.status != 0)
        file << "\trefused\t" << parsed.why << '\n';
      else if (!parsed.complete)
        file << "\twaiting\n";
      else
        file << "\taccepted\t" << hex(parsed.method) << '\t' << hex(parsed.target) << '\t'
             << hex(parsed.body) << '\t' << parsed.consumed << '\n';
      accepted += parsed.complete ? 1 : 0;
    }
  }
  EXPECT_GT(accepted, 1000u);
  ProcessCommand command;
  command.program = python;
  command.words = {python, source / "tests/net/h11_differential.py", path};
  command.output = ProcessCommand::kInherited;
  auto child = ChildProcess::start(command);
  ASSERT_TRUE(child) << child.error().message;
  const auto end = child->reap();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 0);
  std::filesystem::remove(path);
}

TEST(HttpWriter, WhatIsWrittenCannotBeginAnotherMessage) {
  HttpResponse response;
  response.fields.add("X-Text", "a\r\nSet-Cookie: b\r\n\r\nHTTP/1.1 200 OK");
  response.fields.add("X Name", "left out");
  response.fields.add("Content-Length", "99");
  std::string out;
  append_response_head(out, response, "Content-Length: 0\r\n", "close");
  const auto head = parse_response_head(out);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->fields.get("x-text"), "a  Set-Cookie: b    HTTP/1.1 200 OK");
  EXPECT_FALSE(head->fields.contains("Set-Cookie"));
  EXPECT_EQ(head->fields.size(), 4u) << out;  // with Date and Connection
  EXPECT_EQ(head->length, 0u);
}

TEST(HttpWriter, DatesAreThoseOfTheStandard) {
  EXPECT_EQ(http_date(std::chrono::system_clock::from_time_t(784111777)),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(HttpFields, CompareWithoutCase) {
  Fields fields;
  fields.add("A", "1");
  fields.add("a", "2");
  EXPECT_EQ(fields.count("A"), 2u);
  EXPECT_EQ(fields.get("a"), "1");
  fields.set("A", "3");
  EXPECT_EQ(fields.size(), 1u);
  fields.add("Connection", "x ,\tKeep-Alive");
  EXPECT_TRUE(lists_word(fields, "connection", "keep-alive"));
  EXPECT_FALSE(lists_word(fields, "connection", "keep"));
}

}  // namespace
}  // namespace trinity::net
