// The client, answered by servers with faults, and by our own server with everything random.
#include "net/http_client.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <future>
#include <random>

#include "net/http_server.h"
#include "net/raw_socket.h"
#include "net/tls_server.h"
#include "support/take.h"

namespace trinity::net {
namespace {

using std::chrono::milliseconds;
using testing::FaultServer;
using testing::RawSocket;
using testing::take;

constexpr std::chrono::seconds kPatience{30};  // only so that a failure does not hang

OutgoingRequest request_to(const std::string& address, std::string body = "",
                           const std::string& method = "POST") {
  OutgoingRequest request;
  request.url = take(parse_url(address));
  request.method = method;
  request.body = std::move(body);
  return request;
}
OutgoingRequest request_to(std::uint16_t port, std::string body = "") {
  return request_to("http://127.0.0.1:" + std::to_string(port) + "/a?b=c", std::move(body));
}

/// Keeps what a receiver is told.
class Told {
 public:
  Receiver receiver() {
    Receiver receiver;
    receiver.head = [this](int status, const Fields&) { note([&] { status_ = status; }); };
    receiver.piece = [this](std::string_view piece) {
      note([&] {
        body_ += piece;
        ++pieces_;
      });
    };
    receiver.ended = [this] { note([&] { ++ended_; }); };
    receiver.failed = [this](Error error, bool sent) {
      note([&] {
        error_ = std::move(error);
        sent_ = sent;
        ++ended_;
      });
    };
    return receiver;
  }
  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }
  bool wait_for_end() {
    return wait([this] { return ended_ > 0; });
  }
  bool wait_for(const std::string& body) {
    return wait([&] { return body_ == body; });
  }

  int status_ = 0, ended_ = 0, pieces_ = 0;
  std::string body_;
  Error error_;
  bool sent_ = false;

 private:
  template <typename Change>
  void note(Change change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// Reads requests and answers each with `answer`, until the other side goes.
FaultServer::Script answering(std::string answer) {
  return [answer = std::move(answer)](int, RawSocket& socket) {
    while (!socket.read_through("\r\n\r\n").empty())
      if (!socket.send(answer)) return;
  };
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string failure_of(HttpClient& client, OutgoingRequest request) {
  const auto response = client.fetch(std::move(request));
  return response ? "none: " + response->body : response.error().tag;
}
std::string failure_after(const std::string& answer) {
  const FaultServer server([&](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    socket.send(answer);
  });
  HttpClient client;
  return failure_of(client, request_to(server.port()));
}

TEST(HttpClient, WritesARequestAsTheStandardWantsIt) {
  std::mutex mutex;
  std::string seen;
  const FaultServer server([&](int, RawSocket& socket) {
    const auto message = socket.read_message();
    {
      const std::lock_guard lock(mutex);
      seen = message.head + message.body;
    }
    socket.send(ok("x"));
  });
  HttpClient client;
  OutgoingRequest request = request_to(server.port(), "hello");
  request.fields.add("X-Text", "a b");
  request.fields.add("content-length", "99");
  request.fields.add("Host", "elsewhere");
  EXPECT_EQ(take(client.fetch(std::move(request))).body, "x");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen, "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                      "\r\nX-Text: a b\r\nContent-Length: 5\r\n\r\nhello");
}

TEST(HttpClient, DoesNotWriteWhatIsNoRequest) {
  HttpClient client;
  OutgoingRequest request = request_to(1);
  request.fields.add("X-Text", "a\r\nX-Other: b");
  EXPECT_EQ(failure_of(client, std::move(request)), "invalid_request");
  EXPECT_EQ(failure_of(client, request_to("http://127.0.0.1:1/", "", "GET /x HTTP/1.1")),
            "invalid_request");
}

TEST(HttpClient, KeepsConnections) {
  const FaultServer server(answering(ok("x")));
  HttpClient client;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(take(client.fetch(request_to(server.port()))).body, "x");
  EXPECT_EQ(client.counts().connections, 1u);
  EXPECT_EQ(client.counts().requests, 5u);
  EXPECT_EQ(client.counts().open, 0u);
}

TEST(HttpClient, ReadsBodiesOfEveryFraming) {
  struct Case {
    const char* answer;
    const char* body;
    int connections;  // after two requests
  };
  for (const Case& each : std::initializer_list<Case>{
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: "
            "t\r\n\r\n",
            "abcde", 1},
           {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 "
            "OK\r\nContent-Length: 1\r\n\r\nx",
            "x", 1},
           {"HTTP/1.1 204 No Content\r\n\r\n", "", 1},
           {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 1},
           {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "x", 2},
           {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 2},
           {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx", "x", 1},
           {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", "x", 2}}) {
    const FaultServer server(answering(each.answer));
    HttpClient client;
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(take(client.fetch(request_to(server.port()))).body, each.body) << each.answer;
    EXPECT_EQ(client.counts().connections, static_cast<unsigned>(each.connections)) << each.answer;
  }
  const FaultServer closing([](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\n\r\nuntil ");
    socket.send("the end");
  });
  HttpClient client;
  EXPECT_EQ(take(client.fetch(request_to(closing.port()))).body, "until the end");
}

TEST(HttpClient, HeadHasNoBody) {
  const FaultServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
  HttpClient client;
  for (int i = 0; i < 2; ++i) {
    const auto response = take(
        client.fetch(request_to("http://127.0.0.1:" + std::to_string(server.port()), "", "HEAD")));
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.fields.get("content-length"), "5");
  }
  EXPECT_EQ(client.counts().connections, 1u);
}

TEST(HttpClient, TellsPiecesAsTheyCome) {
  std::mutex mutex;
  std::condition_variable changed;
  int allowed = 0;
  const FaultServer server([&](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, kPatience, [&] { return allowed > i; });
      socket.send("1\r\n" + std::to_string(i) + "\r\n");
    }
    socket.send("0\r\n\r\n");
  });
  HttpClient client;
  Told told;
  const auto pending = client.send(request_to(server.port()), told.receiver());
  EXPECT_TRUE(told.wait([&] { return told.status_ == 200; }));
  std::string expected;
  for (int i = 0; i < 3; ++i) {
    {
      const std::lock_guard lock(mutex);
      allowed = i + 1;
    }
    changed.notify_all();
    expected += std::to_string(i);
    EXPECT_TRUE(told.wait_for(expected));
  }
  EXPECT_TRUE(told.wait_for_end());
  EXPECT_EQ(told.error_.tag, "");
}

TEST(HttpClient, SaysWhatIsWrongWithAResponse) {
  for (const char* answer :
       {"garbage\r\n\r\n", "\x15\x03\x01", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n"})
    EXPECT_EQ(failure_after(answer), "invalid_response") << answer;
  std::string waits;
  for (int i = 0; i < 100; ++i) waits += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(failure_after(waits), "invalid_response");
  EXPECT_EQ(failure_after("HTTP/1.1 200 OK\r\nA: " + std::string(300'000, 'a')),
            "invalid_response");
  for (const char* answer : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                             "HTTP/1.1 100 Continue\r\n\r\n"})
    EXPECT_EQ(failure_after(answer), "connection_lost") << answer;
}

TEST(HttpClient, AResetIsALostConnection) {
  std::mutex mutex;
  std::condition_variable changed;
  bool has_read = false;
  const FaultServer server([&](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kPatience, [&] { return has_read; });
    socket.reset();
  });
  HttpClient client;
  Told told;
  const auto pending = client.send(request_to(server.port()), told.receiver());
  EXPECT_TRUE(told.wait_for("until the end"));
  {
    const std::lock_guard lock(mutex);
    has_read = true;
  }
  changed.notify_all();
  EXPECT_TRUE(told.wait_for_end());
  EXPECT_EQ(told.error_.tag, "connection_lost");
  EXPECT_TRUE(told.sent_);
}

TEST(HttpClient, LimitsTheResponse) {
  const FaultServer server(
      answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"));
  HttpClient client;
  OutgoingRequest request = request_to(server.port());
  request.body_limit = 4;
  EXPECT_EQ(failure_of(client, request), "response_too_large");
  request.body_limit = 5;
  EXPECT_EQ(take(client.fetch(request)).body, "abcde");
}

TEST(HttpClient, SendsAnewOverAFreshConnectionWhatAStaleOneLost) {
  std::mutex mutex;
  std::vector<std::string> seen;
  const FaultServer server([&](int index, RawSocket& socket) {
    for (int i = 0;; ++i) {
      const auto message = socket.read_message();
      if (message.head.empty()) return;
      {
        const std::lock_guard lock(mutex);
        seen.push_back(std::to_string(index) + message.body);
      }
      if (index == 0 && i == 1) return;  // reads the second request and goes
      socket.send(ok("x"));
    }
  });
  HttpClient client;
  EXPECT_EQ(take(client.fetch(request_to(server.port(), "a"))).body, "x");
  EXPECT_EQ(take(client.fetch(request_to(server.port(), "b"))).body, "x");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen, (std::vector<std::string>{"0a", "0b", "1b"}));
}

TEST(HttpClient, SendsAnewOnceOnly) {
  const FaultServer server([&](int index, RawSocket& socket) {
    socket.read_message();
    if (index > 0) return;
    socket.send(ok("x"));
    socket.read_message();
  });
  HttpClient client;
  EXPECT_EQ(take(client.fetch(request_to(server.port(), "a"))).body, "x");
  EXPECT_EQ(failure_of(client, request_to(server.port(), "b")), "connection_lost");
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, DoesNotSendAnewWhatHasBegunToBeAnswered) {
  const FaultServer server([&](int, RawSocket& socket) {
    socket.read_message();
    socket.send(ok("x"));
    socket.read_message();
    socket.send("HTTP/1.1 2");
  });
  HttpClient client;
  EXPECT_EQ(take(client.fetch(request_to(server.port(), "a"))).body, "x");
  EXPECT_EQ(failure_of(client, request_to(server.port(), "b")), "connection_lost");
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, SaysWhichPhaseTookTooLong) {
  const FaultServer silent([](int, RawSocket& socket) { socket.read_all(); });
  const FaultServer stalling([](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    socket.read_all();
  });
  HttpClient client;
  const auto failure = [&](const FaultServer& server, auto change) {
    OutgoingRequest request = request_to(server.port());
    change(request);
    const auto response = client.fetch(std::move(request));
    EXPECT_FALSE(response);
    EXPECT_EQ(response.error().tag, "timeout");
    return response.error().message;
  };
  using R = OutgoingRequest;
  EXPECT_NE(
      failure(silent, [](R& r) { r.first_byte_deadline = milliseconds(30); }).find("no first byte"),
      std::string::npos);
  EXPECT_NE(
      failure(stalling, [](R& r) { r.idle_deadline = milliseconds(30); }).find("nothing more"),
      std::string::npos);
  EXPECT_NE(failure(stalling, [](R& r) { r.total_deadline = milliseconds(30); }).find("altogether"),
            std::string::npos);
  // A server that takes the connection and never says anything is not connected to by TLS.
  OutgoingRequest secure = request_to("https://127.0.0.1:" + std::to_string(silent.port()));
  secure.connect_deadline = milliseconds(30);
  const auto response = client.fetch(std::move(secure));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().tag, "timeout");
  EXPECT_NE(response.error().message.find("no connection"), std::string::npos);
}

TEST(HttpClient, SlowBytesAreNoStall) {
  const FaultServer server([](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    for (const char byte : ok("slowly")) socket.send(std::string(1, byte));
  });
  HttpClient client;
  EXPECT_EQ(take(client.fetch(request_to(server.port()))).body, "slowly");
}

TEST(HttpClient, SaysWhereThereIsNoServer) {
  std::uint16_t port = 0;
  {
    const FaultServer gone([](int, RawSocket&) {});
    port = gone.port();
  }
  HttpClient client;
  Told told;
  const auto pending = client.send(request_to(port), told.receiver());
  EXPECT_TRUE(told.wait_for_end());
  EXPECT_EQ(told.error_.tag, "connect_failed");
  EXPECT_FALSE(told.sent_);
  EXPECT_EQ(failure_of(client, request_to("http://name.invalid/")), "name_not_found");
}

TEST(HttpClient, FindsAServerByNameOnEitherFamily) {
  const FaultServer server(answering(ok("x")));
  HttpClient client;
  EXPECT_EQ(
      take(client.fetch(request_to("http://localhost:" + std::to_string(server.port())))).body,
      "x");
  ServerOptions options;
  options.host = "::1";
  const auto on_6 = HttpServer::start(options, [](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.body = exchange->peer();
    exchange->respond(std::move(response));
  });
  if (!on_6) GTEST_SKIP() << "SKIPPED: this machine has no IPv6: " << on_6.error().message;
  const auto body =
      take(client.fetch(request_to("http://[::1]:" + std::to_string(on_6->port()) + "/"))).body;
  EXPECT_TRUE(body.starts_with("[::1]:")) << body;
}

TEST(HttpClient, CancellingClosesTheConnection) {
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0, closed = 0;
  const FaultServer server([&](int index, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    if (index == 1) socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    {
      const std::lock_guard lock(mutex);
      ++asked;
      changed.notify_all();
    }
    socket.read_all();
    const std::lock_guard lock(mutex);
    ++closed;
    changed.notify_all();
  });
  HttpClient client;
  for (int i = 0; i < 2; ++i) {
    Told told;
    auto pending = client.send(request_to(server.port()), told.receiver());
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return asked == i + 1; }));
    if (i == 0)
      pending->cancel();
    else
      pending.reset();
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return closed == i + 1; }));
    EXPECT_EQ(told.ended_, 0);
  }
  EXPECT_EQ(client.counts().open, 0u);
}

TEST(HttpClient, AReceiverMayCancelAndThrow) {
  const FaultServer server(answering(ok("x")));
  HttpClient client;
  Told told;
  std::unique_ptr<HttpClient::Pending> pending;
  std::mutex mutex;
  Receiver receiver = told.receiver();
  std::atomic<bool> cancelled{false};
  receiver.head = [&](int, const Fields&) {
    const std::lock_guard lock(mutex);
    pending->cancel();
    cancelled = true;
  };
  {
    const std::lock_guard lock(mutex);
    pending = client.send(request_to(server.port()), receiver);
  }
  EXPECT_EQ(take(client.fetch(request_to(server.port()))).body, "x");  // on the same thread, later
  while (!cancelled) std::this_thread::yield();
  EXPECT_EQ(told.pieces_ + told.ended_, 0);
  Told thrown;
  receiver = thrown.receiver();
  receiver.piece = [](std::string_view) { throw std::runtime_error("broken"); };
  const auto throwing = client.send(request_to(server.port()), receiver);
  EXPECT_TRUE(thrown.wait_for_end());
  EXPECT_EQ(thrown.error_.tag, "internal_error");
}

TEST(HttpClient, EndsWhileRequestsAreUnderWay) {
  const FaultServer silent([](int, RawSocket& socket) { socket.read_all(); });
  auto client = std::make_unique<HttpClient>();
  Told told;
  std::vector<std::unique_ptr<HttpClient::Pending>> pending;
  for (int i = 0; i < 20; ++i)
    pending.push_back(client->send(request_to(silent.port()), told.receiver()));
  pending.push_back(client->send(request_to("http://name.invalid/"), told.receiver()));
  auto waiting = std::async(std::launch::async, [client = client.get(), port = silent.port()] {
    return failure_of(*client, request_to(port));
  });
  while (client->counts().open < 22) std::this_thread::yield();
  client.reset();
  EXPECT_EQ(waiting.get(), "cancelled");
  EXPECT_EQ(told.ended_, 0);
  for (const auto& each : pending) each->cancel();
}

TEST(HttpClient, APauseHoldsUpTheServer) {
  const std::string chunk = "100000\r\n" + std::string(1 << 20, 'a') + "\r\n";
  std::atomic<int> sent{0};
  constexpr int kChunks = 64;
  const FaultServer server([&](int, RawSocket& socket) {
    socket.read_through("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    for (int i = 0; i < kChunks && socket.send(chunk); ++i) ++sent;
    socket.send("0\r\n\r\n");
  });
  HttpClient client;
  Told told;
  OutgoingRequest request = request_to(server.port());
  request.idle_deadline = std::chrono::seconds(20);
  request.body_limit = 100u << 20;
  Receiver receiver = told.receiver();
  std::unique_ptr<HttpClient::Pending> pending;
  std::mutex mutex;
  std::atomic<bool> paused{false};
  receiver.piece = [&, inner = receiver.piece](std::string_view piece) {
    if (!paused.exchange(true)) {
      const std::lock_guard lock(mutex);
      pending->pause();
    }
    inner(piece);
  };
  {
    const std::lock_guard lock(mutex);
    pending = client.send(std::move(request), receiver);
  }
  EXPECT_TRUE(told.wait([&] { return told.pieces_ > 0; }));
  EXPECT_EQ(take(client.fetch(request_to(FaultServer(answering(ok("x"))).port()))).body, "x");
  EXPECT_LT(sent, kChunks);
  pending->resume();
  EXPECT_TRUE(told.wait_for_end());
  EXPECT_EQ(told.error_.tag, "");
  EXPECT_EQ(told.body_.size(), (std::size_t{kChunks} << 20) + 1);
}

class Tls : public ::testing::Test {
 protected:
  Tls() {
    std::signal(SIGPIPE, SIG_IGN);
    const auto folder = std::filesystem::path(::testing::TempDir());
    path_ = folder / ("authority" + std::to_string(::getpid()) + ".pem");
  }
  ~Tls() override { std::filesystem::remove(path_); }

  FaultServer::Script script(const testing::Certificate& certificate, bool farewell = true) {
    return [context = certificate.context(), farewell](int, RawSocket& socket) {
      testing::TlsSocket tls(context, socket);
      while (tls.secure() && !tls.read_through("\r\n\r\n").empty()) {
        if (!tls.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") ||
            !tls.send("40000\r\n" + std::string(0x40000, 'a') + "\r\n0\r\n\r\n"))
          break;
      }
      if (farewell) tls.say_farewell();
    };
  }
  HttpClient::Options trusting(const testing::Certificate& certificate) {
    certificate.write(path_);
    HttpClient::Options options;
    options.ca_file = path_;
    return options;
  }
  static OutgoingRequest to(const FaultServer& server, const std::string& host = "localhost") {
    return request_to("https://" + host + ":" + std::to_string(server.port()) + "/");
  }

  std::filesystem::path path_;
};

TEST_F(Tls, ReadsASecureResponseOnAKeptConnection) {
  const testing::Certificate certificate("DNS:localhost,IP:127.0.0.1");
  const FaultServer server(script(certificate));
  HttpClient client(trusting(certificate));
  for (const char* host : {"localhost", "localhost", "127.0.0.1"}) {
    const auto response = client.fetch(to(server, host));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, std::string(0x40000, 'a'));
  }
  EXPECT_EQ(client.counts().connections, 2u);
}

TEST_F(Tls, AWrongNameIsNotTrusted) {
  const testing::Certificate certificate("DNS:other.example,IP:127.0.0.2");
  const FaultServer server(script(certificate));
  HttpClient client(trusting(certificate));
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto response = client.fetch(to(server, host));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().tag, "tls_failed");
    EXPECT_NE(response.error().message.find("mismatch"), std::string::npos)
        << response.error().message;
  }
}

TEST_F(Tls, AnUnknownAuthorityIsNotTrusted) {
  const testing::Certificate certificate("DNS:localhost");
  const testing::Certificate other("DNS:localhost");
  const FaultServer server(script(certificate));
  HttpClient strict(trusting(other));
  Told told;
  const auto pending = strict.send(to(server), told.receiver());
  EXPECT_TRUE(told.wait_for_end());
  EXPECT_EQ(told.error_.tag, "tls_failed");
  EXPECT_FALSE(told.sent_);
  HttpClient of_the_system;
  EXPECT_EQ(failure_of(of_the_system, to(server)), "tls_failed");
  HttpClient::Options missing;
  missing.ca_file = "/nowhere.pem";
  HttpClient without(missing);
  EXPECT_EQ(failure_of(without, to(server)), "tls_failed");
}

TEST_F(Tls, AServerThatSpeaksPlainlyIsNotTrusted) {
  const FaultServer server([](int, RawSocket& socket) {
    socket.read_bytes(1);
    socket.send(ok("x"));
  });
  HttpClient client;
  EXPECT_EQ(failure_of(client, to(server)), "tls_failed");
}

TEST_F(Tls, ABodyThatIsCutIsNotItsEnd) {
  const testing::Certificate certificate("DNS:localhost");
  for (const bool farewell : {true, false}) {
    const FaultServer server([&](int, RawSocket& socket) {
      testing::TlsSocket tls(certificate.context(), socket);
      tls.read_through("\r\n\r\n");
      tls.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
      if (farewell) tls.say_farewell();
    });
    HttpClient client(trusting(certificate));
    const auto response = client.fetch(to(server));
    if (farewell) {
      ASSERT_TRUE(response) << response.error().message;
      EXPECT_EQ(response->body, "until the end");
    } else {
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().tag, "connection_lost");
    }
  }
}

/// Client against server: whatever is sent comes back, in whatever pieces.
TEST(HttpBothSides, RandomBodiesAndChunkingsComeBack) {
  ServerOptions options;
  options.threads = 2;
  const auto server = HttpServer::start(options, [](const std::shared_ptr<Exchange>& exchange) {
    const HttpRequest& request = exchange->request();
    std::mt19937 random(static_cast<unsigned>(request.body.size()));
    HttpResponse response{200 + static_cast<int>(random() % 3), {}, ""};
    if (response.status == 204) response.status = 200;
    response.fields.add("X-Echo", std::string(request.fields.get("x-sent")));
    if (random() % 3 == 0) {
      response.body = request.body;
      return exchange->respond(std::move(response));
    }
    // From another thread, in pieces.
    std::thread([exchange, response, random]() mutable {
      exchange->begin(response);
      const std::string& body = exchange->request().body;
      for (std::size_t at = 0; at < body.size();) {
        const std::size_t size = 1 + random() % 5000;
        exchange->write(body.substr(at, size));
        at += size;
      }
      exchange->end();
    }).detach();
  });
  ASSERT_TRUE(server);
  HttpClient client;
  std::mt19937 random(7);
  struct Sent {
    std::string body;
    Told told;
    std::unique_ptr<HttpClient::Pending> pending;
  };
  for (int round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<Sent>> all;
    for (int i = 0; i < 20; ++i) {
      auto sent = std::make_unique<Sent>();
      sent->body.resize(random() % (random() % 4 == 0 ? 300'000 : 2'000));
      for (char& byte : sent->body) byte = static_cast<char>(random());
      OutgoingRequest request = request_to(server->port(), sent->body);
      request.fields.add("X-Sent", std::to_string(sent->body.size()));
      sent->pending = client.send(std::move(request), sent->told.receiver());
      all.push_back(std::move(sent));
    }
    for (const auto& sent : all) {
      ASSERT_TRUE(sent->told.wait_for_end());
      ASSERT_EQ(sent->told.error_.message, "");
      ASSERT_TRUE(sent->told.body_ == sent->body) << sent->body.size();
    }
  }
  EXPECT_EQ(client.counts().open, 0u);
  EXPECT_LE(client.counts().connections, 40u);
}

TEST(HttpBothSides, RandomCancellationsLeaveNothingOpen) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> waiting;
  HttpServer server = take(HttpServer::start({}, [&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().body.size() % 2 == 0) exchange->begin({});
    exchange->when_gone([] {});
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(exchange));
  }));
  {
    HttpClient client;
    std::mt19937 random(3);
    Told told;
    std::vector<std::unique_ptr<HttpClient::Pending>> pending;
    for (int i = 0; i < 300; ++i) {
      pending.push_back(
          client.send(request_to(server.port(), std::string(i, 'x')), told.receiver()));
      if (random() % 2 == 0) pending[random() % pending.size()].reset();
      if (random() % 8 == 0) std::this_thread::yield();
    }
    pending.clear();
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while ((client.counts().open > 0 || server.counts().open_exchanges > 0) &&
           std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(client.counts().open, 0u);
    EXPECT_EQ(server.counts().open_exchanges, 0u);
  }
}

}  // namespace
}  // namespace trinity::net
