// The server, asked by a peer that sends whatever bytes it likes.
#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <future>

#include "net/raw_socket.h"
#include "net/refused_requests.h"
#include "support/take.h"

namespace trinity::net {
namespace {

using std::chrono::milliseconds;
using testing::RawSocket;
using testing::take;

constexpr std::chrono::seconds kServerPatience{30};  // only so that a failure does not hang

HttpResponse text(std::string body, int status = 200) { return {status, {}, std::move(body)}; }

/// Answers with what was asked: method, target and body.
void echo(const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  HttpResponse response = text(request.method + " " + request.target + " " + request.body);
  response.fields.add("X-Body-Bytes", std::to_string(request.body.size()));
  exchange->respond(std::move(response));
}

/// Hands exchanges to the test's thread.
class Kept {
 public:
  HttpServer::Handler handler() {
    return [this](std::shared_ptr<Exchange> exchange) {
      const std::lock_guard lock(mutex_);
      exchanges_.push_back(std::move(exchange));
      changed_.notify_all();
    };
  }
  std::shared_ptr<Exchange> next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kServerPatience, [&] { return !exchanges_.empty(); }))
      throw std::runtime_error("no request came");
    std::shared_ptr<Exchange> exchange = std::move(exchanges_.front());
    exchanges_.pop_front();
    return exchange;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Exchange>> exchanges_;
};

class Event {
 public:
  std::function<void()> setter() {
    return [this] {
      const std::lock_guard lock(mutex_);
      ++count_;
      changed_.notify_all();
    };
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kServerPatience, [&] { return count_ > 0; });
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

HttpServer serve(HttpServer::Handler handler, ServerOptions options = {}) {
  return take(HttpServer::start(options, std::move(handler)));
}

/// Waits for what comes about on the server's own thread.
template <typename Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kServerPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
std::string post(const std::string& body) {
  return "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(HttpServer, AnswersOnAKeptConnection) {
  const HttpServer server = serve(echo);
  RawSocket client = RawSocket::connect(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(post("hello"));
    const auto answer = client.read_message();
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n")) << answer.head;
    EXPECT_NE(answer.head.find("\r\nDate: "), std::string::npos);
    EXPECT_EQ(answer.head.find("Connection:"), std::string::npos);
    EXPECT_EQ(answer.body, "POST /b hello");
  }
  EXPECT_EQ(server.counts().requests, 3u);
  EXPECT_EQ(server.counts().connections, 1u);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  Kept kept;
  const HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  std::string requests;
  for (int i = 0; i < 50; ++i)
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 50; ++i) {
    const auto exchange = kept.next();
    EXPECT_EQ(exchange->request().target, "/" + std::to_string(i));
    exchange->respond(text(exchange->request().target));
    EXPECT_EQ(client.read_message().body, "/" + std::to_string(i));
  }
}

TEST(HttpServer, ThousandsOfPipelinedRequestsNeedNoDeepStack) {
  const HttpServer server = serve(echo);
  RawSocket client = RawSocket::connect(server.port());
  const int count = 5000;
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) client.send(kGet);
  });
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.read_message().body, "GET /a ") << i;
  sender.join();
}

TEST(HttpServer, WhoeverSendsManyRequestsAtOnceKeepsNobodyWaiting) {
  // Both are sent before the first is read: the handler holds the only thread until then.
  Event first, go_on;
  std::atomic<int> before = 0;
  const HttpServer server = serve([&](const std::shared_ptr<Exchange>& exchange) {
    const std::string target = exchange->request().target;
    if (target == "/first") {
      first.setter()();
      go_on.wait();
    }
    if (target == "/a") ++before;
    exchange->respond(text(target == "/other" ? std::to_string(before) : target));
  });
  RawSocket many = RawSocket::connect(server.port());
  RawSocket other = RawSocket::connect(server.port());
  std::string all = "GET /first HTTP/1.1\r\nHost: h\r\n\r\n";
  for (int n = 0; n < 500; ++n) all += kGet;
  many.send(all);
  ASSERT_TRUE(first.wait());
  other.send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
  go_on.setter()();
  EXPECT_LT(std::stoi(other.read_message().body), 100);
  EXPECT_EQ(many.read_message().body, "/first");
  for (int n = 0; n < 500; ++n) ASSERT_EQ(many.read_message().body, "/a") << n;
}

TEST(HttpServer, ReadsBodiesInAnyPieces) {
  const HttpServer server = serve(echo);
  RawSocket client = RawSocket::connect(server.port());
  const std::string request =
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n";
  for (const char byte : request) client.send(std::string(1, byte));
  EXPECT_EQ(client.read_message().body, "POST /c abcdefg");
}

TEST(HttpServer, HeadHasTheFieldsOnly) {
  const HttpServer server = serve(echo);
  RawSocket client = RawSocket::connect(server.port());
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + kGet);
  const auto head = client.read_message(false);
  EXPECT_NE(head.head.find("Content-Length: 7\r\n"), std::string::npos) << head.head;
  EXPECT_EQ(client.read_message().body, "GET /a ");  // nothing lies between
}

TEST(HttpServer, SaysContinueOnlyWhenItIsAsked) {
  const HttpServer server = serve(echo);
  RawSocket client = RawSocket::connect(server.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(client.read_message().body, "POST / abc");
}

TEST(HttpServer, ClosesWhereTheClientOrTheAnswerSaysSo) {
  const HttpServer server = serve([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response = text("x");
    if (exchange->request().target == "/close") response.fields.add("Connection", "close");
    exchange->respond(std::move(response));
  });
  for (const char* request : {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                              "GET /close HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    RawSocket client = RawSocket::connect(server.port());
    client.send(request);
    const auto answer = client.read_message();
    EXPECT_NE(answer.head.find("Connection: close\r\n"), std::string::npos) << request;
    EXPECT_EQ(answer.body, "x");
    EXPECT_TRUE(client.ends());
  }
  RawSocket kept = RawSocket::connect(server.port());
  for (int i = 0; i < 2; ++i) {
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(kept.read_message().head.find("Connection: keep-alive\r\n"), std::string::npos);
  }
}

TEST(HttpServer, StreamsPieceByPiece) {
  Kept kept;
  const HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet);
  const auto exchange = kept.next();
  HttpResponse head = text("first\n");
  head.fields.add("Content-Type", "text/event-stream");
  exchange->begin(std::move(head));
  EXPECT_NE(client.read_through("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"),
            std::string::npos);
  EXPECT_EQ(client.read_through("first\n\r\n"), "6\r\nfirst\n\r\n");
  for (const std::string piece : {"data: a\n\n", ": alive\n", "data: b\n\n"}) {
    exchange->write(piece);  // arrives before the next is written
    EXPECT_EQ(client.read_through("\n\r\n").substr(3), piece + "\r\n");
  }
  exchange->write("");
  exchange->end();
  exchange->write("too late");
  EXPECT_EQ(client.read_through("0\r\n\r\n"), "0\r\n\r\n");
  client.send(kGet);
  kept.next()->respond(text("next"));
  EXPECT_EQ(client.read_message().body, "next");
}

TEST(HttpServer, AStreamForHttp10EndsWithTheConnection) {
  Kept kept;
  const HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto exchange = kept.next();
  exchange->begin(text(""));
  exchange->write("abc");
  exchange->end();
  const std::string answer = client.read_all();
  EXPECT_TRUE(answer.ends_with("\r\n\r\nabc")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST(HttpServer, AnUnansweredExchangeIsA500) {
  const HttpServer server = serve([](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().target == "/throw") throw std::runtime_error("broken");
    exchange.reset();
  });
  RawSocket client = RawSocket::connect(server.port());
  client.send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n" + kGet);
  EXPECT_EQ(client.read_message().status(), 500);
  EXPECT_EQ(client.read_message().status(), 500);
}

TEST(HttpServer, AStreamThatIsLetGoOfIsCut) {
  Kept kept;
  const HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet);
  {
    const auto exchange = kept.next();
    exchange->begin(text(""));
    exchange->write("abc");
  }
  const std::string answer = client.read_all();
  EXPECT_TRUE(answer.ends_with("3\r\nabc\r\n")) << answer;  // and no last chunk
}

TEST(HttpServer, OnlyTheFirstAnswerCounts) {
  const HttpServer server = serve([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(text("first"));
    exchange->respond(text("second"));
    exchange->begin(text(""));
    exchange->end();
  });
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet + kGet);
  EXPECT_EQ(client.read_message().body, "first");
  EXPECT_EQ(client.read_message().body, "first");
}

TEST(HttpServer, RefusesAndCloses) {
  std::atomic<int> handled{0};
  const HttpServer server = serve([&](const std::shared_ptr<Exchange>& exchange) {
    ++handled;
    exchange->respond(text("x"));
  });
  for (const auto& [name, bytes, status] : testing::refused_requests()) {
    RawSocket client = RawSocket::connect(server.port());
    client.send(bytes + kGet);
    const auto answer = client.read_message();
    EXPECT_EQ(answer.status(), status) << name;
    EXPECT_NE(answer.head.find("Connection: close"), std::string::npos) << name;
    EXPECT_TRUE(status != 400 || answer.body.starts_with("bad request: ")) << answer.body;
    EXPECT_TRUE(client.ends()) << name;
  }
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(server.counts().refused, testing::refused_requests().size());
}

TEST(HttpServer, HeadersAndBodiesHaveLimits) {
  ServerOptions options;
  options.limits.header_bytes = 4096;
  options.limits.header_fields = 10;
  options.limits.body_bytes = 1000;
  const HttpServer server = serve(echo, options);
  const auto status_of = [&](const std::string& bytes) {
    RawSocket client = RawSocket::connect(server.port());
    client.send(bytes);
    const int status = client.read_message().status();
    EXPECT_TRUE(status == 200 || client.ends());
    return status;
  };
  std::string fields;
  for (int i = 0; i < 9; ++i) fields += "A: b\r\n";
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"), 200);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "A: b\r\n\r\n"), 431);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(4096, 'b')), 431);
  EXPECT_EQ(status_of("GET /" + std::string(5000, 'b')), 431);
  EXPECT_EQ(status_of(post(std::string(1000, 'a'))), 200);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"), 413);
  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status_of(chunked + "3e8\r\n" + std::string(1000, 'a') + "\r\n0\r\n\r\n"), 200);
  EXPECT_EQ(status_of(chunked + "3e9\r\n" + std::string(1001, 'a')), 413);
}

std::string gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(HttpServer, InflatesGzipUpToTheLimit) {
  ServerOptions options;
  options.limits.body_bytes = 100'000;
  const HttpServer server = serve(echo, options);
  const auto answer_to = [&](const std::string& body) {
    RawSocket client = RawSocket::connect(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.read_message();
  };
  const std::string long_text(100'000, 'a');
  EXPECT_EQ(answer_to(gzip("hello")).body, "POST / hello");
  EXPECT_EQ(answer_to(gzip("hello") + gzip(" again")).body, "POST / hello again");
  EXPECT_EQ(answer_to(gzip(long_text)).body, "POST / " + long_text);
  EXPECT_EQ(answer_to(gzip(long_text + "a")).status(), 413);
  EXPECT_EQ(answer_to("hello").status(), 400);
  EXPECT_EQ(answer_to(gzip(long_text).substr(0, 50)).status(), 400);
  EXPECT_EQ(answer_to(gzip("hello") + "x").status(), 400);
}

TEST(HttpServer, NoticesThatTheClientHasGone) {
  Kept kept;
  HttpServer server = serve(kept.handler());
  for (const bool begun : {false, true}) {
    for (const int how : {0, 1, 2}) {
      RawSocket client = RawSocket::connect(server.port());
      client.send(kGet);
      const auto exchange = kept.next();
      Event gone;
      if (begun) exchange->begin(text("first"));
      exchange->when_gone(gone.setter());
      if (how == 0) client.close();
      if (how == 1) client.reset();
      if (how == 2) client.shut_down_writing();
      EXPECT_TRUE(gone.wait()) << begun << how;
      Event at_once;
      exchange->when_gone(at_once.setter());
      EXPECT_EQ(at_once.count(), 1);
      exchange->write("nobody is there");
      exchange->respond(text("x"));
      EXPECT_EQ(exchange->pending_bytes(), 0u);
      EXPECT_EQ(gone.count(), 1);
    }
  }
  EXPECT_TRUE(eventually([&] { return server.counts().open_connections == 0; }));
  EXPECT_EQ(server.counts().open_exchanges, 0u);
}

TEST(HttpServer, NoticesItBehindABacklogOfRequestsToo) {
  Kept kept;
  const HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet);
  const auto exchange = kept.next();
  Event gone;
  exchange->when_gone(gone.setter());
  for (int i = 0; i < 3000; ++i) client.send(kGet);  // more than it keeps, less than the system
  client.shut_down_writing();
  EXPECT_TRUE(gone.wait());
}

TEST(HttpServer, NobodyHasGoneWhenTheAnswerIsWhole) {
  Kept kept;
  const HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet);
  const auto exchange = kept.next();
  Event gone;
  exchange->when_gone(gone.setter());
  exchange->respond(text("x"));
  EXPECT_EQ(client.read_message().body, "x");
  client.close();
  EXPECT_TRUE(eventually([&] { return server.counts().open_connections == 0; }));
  EXPECT_EQ(gone.count(), 0);
}

TEST(HttpServer, AClientThatDoesNotReadHoldsUpItsOwnStreamOnly) {
  Kept kept;
  HttpServer server = serve(kept.handler());
  RawSocket slow = RawSocket::connect(server.port());
  slow.send(kGet);
  const auto exchange = kept.next();
  exchange->begin(text(""));
  const std::string piece(1 << 20, 'a');
  int pieces = 0;
  while (exchange->pending_bytes() == 0 || pieces < 16) {
    exchange->write(piece);
    ++pieces;
    ASSERT_LT(pieces, 1000);
    RawSocket other = RawSocket::connect(server.port());
    other.send(kGet);
    kept.next()->respond(text("quick"));
    EXPECT_EQ(other.read_message().body, "quick");
  }
  Event drained;
  exchange->when_pending_at_most(0, drained.setter());
  EXPECT_EQ(drained.count(), 0);
  exchange->end();
  std::string body;
  EXPECT_EQ(slow.read_message().body.size(), piece.size() * static_cast<std::size_t>(pieces));
  EXPECT_TRUE(eventually([&] { return exchange->pending_bytes() == 0; }));
}

TEST(HttpServer, TellsWhenTheClientHasTakenEnough) {
  Kept kept;
  HttpServer server = serve(kept.handler());
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet);
  const auto exchange = kept.next();
  exchange->begin(text(""));
  Event at_once;
  exchange->when_pending_at_most(100, at_once.setter());
  EXPECT_TRUE(at_once.wait());
  std::size_t written = 0;
  while (exchange->pending_bytes() < (16u << 20)) {
    exchange->write(std::string(1 << 20, 'a'));
    written += 1 << 20;
  }
  Event drained;
  exchange->when_pending_at_most(1 << 20, drained.setter());
  EXPECT_EQ(drained.count(), 0);
  client.read_through("\r\n\r\n");
  client.read_bytes(written);
  EXPECT_TRUE(drained.wait());
  EXPECT_EQ(drained.count(), 1);
}

TEST(HttpServer, DeadlinesEndWhatDoesNotGoOn) {
  ServerOptions options;
  options.limits.header_deadline = options.limits.idle = milliseconds(50);
  options.limits.body_deadline = options.limits.write_stall = milliseconds(50);
  Kept kept;
  const HttpServer server = serve(kept.handler(), options);
  RawSocket idle = RawSocket::connect(server.port());
  EXPECT_TRUE(idle.ends());
  RawSocket slow_header = RawSocket::connect(server.port());
  slow_header.send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(slow_header.read_message().status(), 408);
  EXPECT_TRUE(slow_header.ends());
  RawSocket slow_body = RawSocket::connect(server.port());
  slow_body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(slow_body.read_message().status(), 408);
  RawSocket slow_reader = RawSocket::connect(server.port());
  slow_reader.send(kGet);
  const auto exchange = kept.next();
  Event gone;
  exchange->when_gone(gone.setter());
  exchange->respond(text(std::string(64 << 20, 'a')));
  EXPECT_TRUE(eventually([&] { return server.counts().open_exchanges == 0; }));
}

TEST(HttpServer, AnAnswerMayTakeAsLongAsItLikes) {
  ServerOptions options;
  options.limits.header_deadline = options.limits.idle = milliseconds(20);
  options.limits.body_deadline = options.limits.write_stall = milliseconds(20);
  Kept kept;
  const HttpServer server = serve(kept.handler(), options);
  RawSocket client = RawSocket::connect(server.port());
  client.send(kGet);
  const auto exchange = kept.next();
  RawSocket idle = RawSocket::connect(server.port());
  EXPECT_TRUE(idle.ends());  // deadlines pass meanwhile
  exchange->respond(text("late"));
  EXPECT_EQ(client.read_message().body, "late");
}

TEST(HttpServer, TurnsAwayWhatIsTooMuch) {
  ServerOptions options;
  options.limits.connections = 2;
  const HttpServer server = serve(echo, options);
  RawSocket first = RawSocket::connect(server.port());
  RawSocket second = RawSocket::connect(server.port());
  for (RawSocket* each : {&first, &second}) {
    each->send(kGet);
    EXPECT_EQ(each->read_message().status(), 200);
  }
  RawSocket third = RawSocket::connect(server.port());
  EXPECT_EQ(third.read_message().status(), 503);
  first.close();
  EXPECT_TRUE(eventually([&] {
    RawSocket again = RawSocket::connect(server.port());
    again.send(kGet);
    return again.read_message().status() == 200;
  }));
}

TEST(HttpServer, DrainsAndEnds) {
  Kept kept;
  HttpServer server = serve(kept.handler());
  RawSocket idle = RawSocket::connect(server.port());
  RawSocket busy = RawSocket::connect(server.port());
  busy.send(kGet);
  const auto exchange = kept.next();
  EXPECT_FALSE(server.drain(milliseconds(1)));
  EXPECT_TRUE(idle.ends());
  EXPECT_ANY_THROW(({
    RawSocket late = RawSocket::connect(server.port());
    late.send(kGet);
    if (late.ends()) throw std::runtime_error("closed");
  }));
  exchange->respond(text("last"));
  EXPECT_TRUE(server.drain(std::chrono::duration_cast<milliseconds>(kServerPatience)));
  const auto answer = busy.read_message();
  EXPECT_EQ(answer.body, "last");
  EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.ends());
}

TEST(HttpServer, ADrainLosesNoRequestThatIsOnItsWay) {
  Kept kept;
  HttpServer server = serve(kept.handler());
  RawSocket kept_open = RawSocket::connect(server.port());
  kept_open.send(kGet);
  kept.next()->respond(text("before"));
  EXPECT_EQ(kept_open.read_message().body, "before");
  RawSocket fresh = RawSocket::connect(server.port());
  RawSocket partial = RawSocket::connect(server.port());
  partial.send("GET /b HTTP/1.1\r\nHo");
  std::future<bool> drained =
      std::async(std::launch::async, [&] { return server.drain(kPatience); });
  EXPECT_TRUE(kept_open.ends());  // idle between two requests: the client may send it elsewhere
  fresh.send(kGet);
  kept.next()->respond(text("fresh"));
  EXPECT_EQ(fresh.read_message().body, "fresh");
  partial.send("st: h\r\n\r\n");
  kept.next()->respond(text("partial"));
  const auto last = partial.read_message();
  EXPECT_EQ(last.body, "partial");
  EXPECT_NE(last.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(drained.get());
}

TEST(HttpServer, AnAnnouncedEndClosesConnectionsAsTheyAreAnswered) {
  HttpServer server = serve(echo);
  RawSocket kept_open = RawSocket::connect(server.port());
  kept_open.send(kGet);
  EXPECT_EQ(kept_open.read_message().status(), 200);
  server.announce_end();
  kept_open.send(kGet);
  EXPECT_NE(kept_open.read_message().head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(kept_open.ends());
  RawSocket late = RawSocket::connect(server.port());
  late.send(kGet);
  EXPECT_EQ(late.read_message().status(), 200);
  EXPECT_TRUE(server.drain(kPatience));
}

TEST(HttpServer, ExchangesOutliveTheServer) {
  Kept kept;
  auto server = std::make_unique<HttpServer>(serve(kept.handler()));
  RawSocket client = RawSocket::connect(server->port());
  client.send(kGet);
  const auto exchange = kept.next();
  Event gone;
  exchange->when_gone(gone.setter());
  server.reset();
  EXPECT_EQ(gone.count(), 1);
  EXPECT_TRUE(client.ends());
  exchange->respond(text("x"));
}

TEST(HttpServer, ServesOnSeveralThreads) {
  ServerOptions options;
  options.threads = 3;
  std::mutex mutex;
  std::vector<std::thread::id> ids;
  const HttpServer server = serve(
      [&](const std::shared_ptr<Exchange>& exchange) {
        {
          const std::lock_guard lock(mutex);
          if (std::find(ids.begin(), ids.end(), std::this_thread::get_id()) == ids.end())
            ids.push_back(std::this_thread::get_id());
        }
        echo(exchange);
      },
      options);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(RawSocket::connect(server.port()));
    clients.back().send(kGet);
    EXPECT_EQ(clients.back().read_message().status(), 200);
  }
  const std::lock_guard lock(mutex);
  EXPECT_EQ(ids.size(), 3u);
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const HttpServer server = serve(echo);
  ServerOptions options;
  options.port = server.port();
  EXPECT_EQ(HttpServer::start(options, echo).error().tag, "address_in_use");
  options.host = "example.org";
  EXPECT_EQ(HttpServer::start(options, echo).error().tag, "invalid_address");
  options.host = "192.0.2.1";
  EXPECT_EQ(HttpServer::start(options, echo).error().tag, "invalid_address");
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(HttpServer, FiveThousandOpenStreamsAreAlive) {
  Kept kept;
  HttpServer server = serve(kept.handler());  // has raised the limit of descriptors
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t count = std::min<std::size_t>(5000, (limit.rlim_cur - 100) / 2);
  if (count < 5000) std::cout << "only " << count << " streams: descriptors are limited\n";
  std::vector<RawSocket> clients;
  std::vector<std::shared_ptr<Exchange>> exchanges;
  const auto open = [&](std::size_t up_to) {
    while (clients.size() < up_to) {
      clients.push_back(RawSocket::connect(server.port()));
      clients.back().send(kGet);
      exchanges.push_back(kept.next());
      exchanges.back()->begin(text(""));
      exchanges.back()->write("data: 0\n\n");
      clients.back().read_through("data: 0\n\n\r\n");
    }
  };
  open(100);
  const std::size_t before = resident_bytes();
  open(std::min<std::size_t>(1100, count));
  const std::size_t each = (resident_bytes() - before) / (clients.size() - 100);
  RecordProperty("bytes_a_stream", static_cast<int>(each));
  std::cout << "bytes a stream, the test's own side included: " << each << '\n';
#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // which keep memory of their own
  EXPECT_LE(each, 16u << 10);
#endif
  open(count);
  for (const auto& exchange : exchanges) exchange->write("data: 1\n\n");
  for (RawSocket& client : clients)
    ASSERT_EQ(client.read_through("data: 1\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  EXPECT_EQ(server.counts().open_exchanges, clients.size());
}

}  // namespace
}  // namespace trinity::net
