#include "provider/http_member.h"

#include <fmt/format.h>

#include <mutex>

#include "base/json.h"
#include "base/try.h"
#include "chat/assembly.h"
#include "chat/sse.h"
#include "provider/failure.h"
#include "provider/live_call.h"
#include "provider/upstream_dialect.h"

namespace trinity::provider {
namespace {

constexpr std::size_t kLargestErrorBody = 64 << 10;

Upstream upstream_of(const MemberConfig& member) {
  Upstream upstream{member.name, member.model, member.url.origin(), {}};
  if (!member.key.empty()) upstream.secrets.push_back(member.key);
  for (const auto& [name, secret] : member.secret_headers) upstream.secrets.push_back(secret);
  return upstream;
}

/// The body with the member's own fields, which win.
Result<std::string> with_own_fields(std::string body, const Json& fields) {
  if (fields.empty()) return body;
  TRINITY_TRY(Json object, parse_json(body));
  object.update(fields);
  return json_text(object);
}

}  // namespace

net::Fields request_fields(const MemberConfig& member) {
  net::Fields fields;
  fields.set("content-type", "application/json");
  fields.set("accept", "application/json, text/event-stream");
  fields.set("user-agent", "trinity");
  upstream_dialect(member.kind).add_fields(member, fields);
  for (const auto& [name, value] : member.headers) {
    const auto secret = member.secret_headers.find(name);
    fields.set(name, secret == member.secret_headers.end() ? value : secret->second.reveal());
  }
  return fields;
}

/// One request and what has come of it. Its functions run on the client's thread, one after the
/// other; only `stop` comes from elsewhere.
struct HttpMember::Exchange {
  std::shared_ptr<const MemberConfig> member;
  std::shared_ptr<LiveCall> live;
  bool wants_stream = false;

  int status = 0;
  net::Fields fields;
  bool streams = false;  // the upstream answers with events
  std::string body;
  chat::SseReader events;
  std::unique_ptr<StreamReader> reader;
  chat::Assembly assembly;
  bool said_end = false;

  std::mutex mutex;
  std::unique_ptr<net::HttpClient::Pending> pending;
  bool stopped = false;

  Upstream upstream() const { return upstream_of(*member); }

  void head(int code, const net::Fields& received) {
    status = code;
    fields = received;
    const std::string_view type = received.get("content-type");
    streams = code == 200 && type.find("text/event-stream") != std::string_view::npos;
    if (streams) reader = upstream_dialect(member->kind).stream_reader();
  }

  void piece(std::string_view bytes) {
    if (!live->open()) return;
    if (!streams) {
      if (status == 200) {
        body += bytes;
      } else if (body.size() < kLargestErrorBody) {
        body += bytes.substr(0, kLargestErrorBody - body.size());
      }
      return;
    }
    std::vector<chat::SseEvent> arrived;
    if (const Status fed = events.feed(bytes, arrived); !fed) {
      fail(invalid_failure(upstream(), fed.error().message));
      return;
    }
    take(arrived);
  }

  void take(const std::vector<chat::SseEvent>& arrived) {
    for (const chat::SseEvent& event : arrived) {
      if (said_end || !live->open()) return;
      Result<std::optional<chat::Delta>> delta = reader->read(event.data);
      if (!delta) {
        fail(delta.error().tag == "upstream_error"
                 ? http_failure(upstream(), 200, fields, event.data)
                 : invalid_failure(upstream(), delta.error().message));
        return;
      }
      if (!*delta) {
        said_end = true;
        return;
      }
      const chat::Delta right = assembly.add(std::move(**delta));
      if (wants_stream && !right.empty()) live->delta(right);
    }
  }

  void ended() {
    if (!live->open()) return stop();
    if (streams) {
      std::vector<chat::SseEvent> arrived;
      events.finish(arrived);
      take(arrived);
      if (live->open()) finish_stream();
    } else if (status == 200) {
      finish_whole();
    } else {
      live->failed(http_failure(upstream(), status, fields, body));
    }
    stop();
  }

  void finish_stream() {
    Result<chat::ChatReply> reply = assembly.finish();
    if (!reply) {
      live->failed(invalid_failure(upstream(), reply.error().message));
    } else {
      live->done(std::move(*reply));
    }
  }

  void finish_whole() {
    Result<chat::ChatReply> reply = upstream_dialect(member->kind).read_reply(body);
    if (!reply) {
      live->failed(reply.error().tag == "upstream_error"
                       ? http_failure(upstream(), 200, fields, body)
                       : invalid_failure(upstream(), reply.error().message));
      return;
    }
    if (wants_stream)
      for (const chat::Delta& delta : deltas_of(*reply)) live->delta(delta);
    live->done(std::move(*reply));
  }

  void failed(Error error, bool sent) {
    // Some servers cut the connection behind the last event, or leave it open.
    if (streams && live->open() && (said_end || assembly.has_finish())) {
      finish_stream();
    } else {
      live->failed(transport_failure(upstream(), std::move(error), sent));
    }
    stop();
  }

  /// Ends the call from inside: what the upstream still sends is of no use.
  void fail(Failure failure) {
    live->failed(std::move(failure));
    stop();
  }

  void keep(std::unique_ptr<net::HttpClient::Pending> request) {
    const std::lock_guard lock(mutex);
    if (!stopped) pending.swap(request);
  }

  void stop() {
    std::unique_ptr<net::HttpClient::Pending> request;
    const std::lock_guard lock(mutex);
    stopped = true;
    request.swap(pending);
  }
};

HttpMember::HttpMember(MemberConfig member, std::shared_ptr<net::HttpClient> client,
                       std::shared_ptr<Timers> timers)
    : member_(std::make_shared<const MemberConfig>(std::move(member))),
      client_(std::move(client)),
      timers_(std::move(timers)) {}

std::unique_ptr<PendingCall> HttpMember::call(MemberRequest request, MemberReceiver receiver) {
  const UpstreamDialect& dialect = upstream_dialect(member_->kind);
  const auto exchange = std::make_shared<Exchange>();
  exchange->member = member_;
  exchange->live = std::make_shared<LiveCall>(std::move(receiver));
  exchange->wants_stream = request.request.stream;

  net::OutgoingRequest out;
  ask_to_go_on(request.request.messages, request.earlier_turns);
  const chat::ChatRequest own = request_for(*member_, std::move(request.request));
  Result<std::string> body = dialect.write(*member_, own);
  if (body) body = with_own_fields(std::move(*body), member_->body);
  Result<net::Url> url = net::parse_url(dialect.target(*member_, own.stream));
  out.fields = request_fields(*member_);
  if (!request.request_id.empty()) out.fields.set("x-request-id", request.request_id);
  if (!request.traceparent.empty()) out.fields.set("traceparent", request.traceparent);
  if (!request.tracestate.empty()) out.fields.set("tracestate", request.tracestate);
  out.fields.set("x-trinity-depth", std::to_string(request.depth + 1));
  out.connect_deadline = member_->connect_timeout;
  out.total_deadline =
      request.deadline > std::chrono::milliseconds(0) ? request.deadline : member_->timeout;
  if (own.stream) out.idle_deadline = member_->idle_timeout;

  net::Receiver answer;
  answer.head = [exchange](int status, const net::Fields& fields) {
    exchange->head(status, fields);
  };
  answer.piece = [exchange](std::string_view piece) { exchange->piece(piece); };
  answer.ended = [exchange] { exchange->ended(); };
  answer.failed = [exchange](Error error, bool sent) { exchange->failed(std::move(error), sent); };

  if (body && url) {
    out.url = std::move(*url);
    out.body = std::move(*body);
    exchange->keep(client_->send(std::move(out), std::move(answer)));
  } else {
    const Error error = body ? url.error() : body.error();
    Failure failure;
    failure.failure =
        error.tag == "unsupported_modality" ? FailureClass::unsupported : FailureClass::adapter;
    failure.error = {error.kind, error.tag,
                     fmt::format("member {}: {}", member_->name, error.message)};
    timers_->after(std::chrono::milliseconds(0),
                   [exchange, failure] { exchange->live->failed(failure); });
  }
  return pending_call(exchange->live, [exchange](bool) { exchange->stop(); });
}

}  // namespace trinity::provider
