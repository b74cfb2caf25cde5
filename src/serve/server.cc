#include "serve/server.h"

#include <atomic>
#include <charconv>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/sha256.h"
#include "base/thread_failure.h"
#include "base/try.h"
#include "chat/anthropic.h"
#include "provider/cost.h"
#include "serve/answer_writer.h"
#include "serve/idempotency.h"
#include "serve/monitor.h"
#include "serve/page.h"
#include "serve/route_endpoint.h"
#include "serve/served_run.h"
#include "telemetry/request_spans.h"

namespace trinity::serve {
namespace {

constexpr std::size_t kMostIdBytes = 200;
constexpr int kMostDepth = 1;  // coordinators behind each other: one is a pool, two are a loop

std::optional<std::int64_t> depth_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// What a proxy in front can send all requests of a conversation to one place by: what the client
/// says, else a hash of how the conversation begins. Keys keep theirs apart.
std::string conversation_id(const Request& request, const chat::ChatRequest& call) {
  const std::string_view given = request.http().fields.get("x-conversation-id");
  if (!given.empty() && given.size() <= kMostIdBytes) return std::string(given);
  std::string text = request.key + '\n';
  for (const char* field : {"prompt_cache_key", "user"}) {
    const Json* value = call.extra.find(field);
    if (value != nullptr && value->is_string())
      return "conv_" + sha256_hex(text + std::string(value->as_string())).substr(0, 24);
  }
  for (const chat::ChatMessage& message : call.messages) {
    text += message.role + '\n' + message.text() + '\n';
    if (message.role == "user") break;
  }
  return "conv_" + sha256_hex(text).substr(0, 24);
}

bool is_answered_by_models(std::string_view path) {
  return path == "/v1/chat/completions" || path == "/v1/responses" || path == "/v1/messages";
}

bool is_known(std::string_view path) {
  return is_answered_by_models(path) || path == "/v1/messages/count_tokens" ||
         path == "/v1/route" || path == "/v1/models" || path.starts_with("/v1/models/") ||
         path == "/healthz" || path == "/readyz" || path == "/metrics" || is_page_path(path) ||
         is_monitor_path(path);
}

std::string decoded_id(std::string_view id) {
  std::string out;
  for (std::size_t n = 0; n < id.size(); ++n) {
    if (id.substr(n, 3) == "%2F" || id.substr(n, 3) == "%2f") {
      out += '/';
      n += 2;
    } else if (id.substr(n, 3) == "%3A" || id.substr(n, 3) == "%3a") {
      out += ':';
      n += 2;
    } else {
      out += id[n];
    }
  }
  return out;
}

}  // namespace

struct Server::Impl {
  Impl(Services& services_used, const ServeOptions& options)
      : services(services_used), gate(options.gate, &services_used.counts.requests) {}

  void handle(std::shared_ptr<net::Exchange> exchange) {
    const std::shared_ptr<Request> request = gate.admit(std::move(exchange));
    if (!request) return;
    try {
      dispatch(request);
    } catch (const std::exception&) {  // for want of memory, above all: one request and not all
      request->fail(api_error(caught_failure("answer this request", "send a smaller one").value()));
    }
  }

  void dispatch(const std::shared_ptr<Request>& request) {
    const std::string& method = request->http().method;
    const std::string& path = request->path();
    if (method == "POST" && is_answered_by_models(path)) {
      if (idempotency.admit(request)) run(request);
      return;
    }
    if (method == "POST" && path == "/v1/messages/count_tokens") return count_tokens(request);
    if (method == "POST" && path == "/v1/route") return route(request);
    if (method == "GET" || method == "HEAD") {
      if (path == "/healthz") return request->answer(200, "ok\n", "text/plain");
      if (path == "/readyz") return ready(request);
      if (path == "/metrics")
        return request->answer(200, services.metrics.text(),
                               "text/plain; version=0.0.4; charset=utf-8");
      if (path == "/v1/models")
        return answer(request, model_list(services.pool()->config(), began));
      if (path.starts_with("/v1/models/")) {
        Result<Json> entry = model_entry(services.pool()->config(),
                                         decoded_id(std::string_view(path).substr(11)), began);
        return entry ? answer(request, *entry) : request->fail(api_error(entry.error()));
      }
      if (is_page_path(path)) return answer_page(*request, kGreeting);
      if (is_monitor_path(path)) return answer_monitor(services, {began, draining}, request);
    }
    if (is_known(path)) {
      request->fields.set("allow", is_answered_by_models(path) || path == "/v1/route" ||
                                           path == "/v1/messages/count_tokens"
                                       ? "POST"
                                       : "GET, HEAD");
      return request->fail(api_error(
          Error{ErrorKind::usage, "method_not_allowed", method + " is not answered on " + path}));
    }
    request->fail(api_error(
        Error{ErrorKind::usage, "unknown_path",
              "there is nothing at this path; the server answers POST /v1/chat/completions, "
              "/v1/responses, /v1/messages and /v1/route, and GET /v1/models"}));
  }

  static void answer(const std::shared_ptr<Request>& request, const Json& body) {
    request->answer(200, json_text(body));
  }

  void ready(const std::shared_ptr<Request>& request) const {
    if (draining) return request->answer(503, "draining\n", "text/plain");
    request->answer(200, "ready\n", "text/plain");
  }

  void begin_spans(const std::shared_ptr<Request>& request) const {
    if (services.telemetry)
      request->spans = services.telemetry->begin(request->http(), request->path(), request->id());
  }

  void run(const std::shared_ptr<Request>& request) {
    begin_spans(request);
    RunRequest run;
    run.request = request;
    Result<Asked> asked = read_asked(*request);
    if (!asked) return request->fail(api_error(asked.error()));
    run.asked = std::move(*asked);
    const std::string conversation = conversation_id(*request, run.asked.call);
    request->fields.set("x-conversation-id", conversation);
    if (request->spans) {
      request->spans->note("gen_ai.conversation.id", conversation);
      request->spans->note("gen_ai.request.model", run.asked.call.model);
    }
    run.depth =
        static_cast<int>(depth_of(request->http().fields.get("x-trinity-depth")).value_or(0));
    if (run.depth > kMostDepth)
      return request->fail(
          api_error(Error{ErrorKind::usage, "too_deep",
                          "this request has passed through " + std::to_string(run.depth) +
                              " coordinators; a pool must not have its own server as a member"}));
    if (run.asked.call.n != 1)
      return request->fail(api_error(Error{ErrorKind::unsupported, "unsupported_value",
                                           "n: this server gives one answer to a request; leave n "
                                           "out and ask again for another"}));
    Result<RequestLimits> limits =
        read_request_limits(request->http().fields, run.asked.call.extra.find("trinity"));
    if (!limits) return request->fail(api_error(limits.error()));
    run.limits = std::move(*limits);
    Result<Purse> purse = purse_for(services.purse(), request->id(), run.limits.caps);
    if (!purse) return request->fail(api_error(purse.error()));
    run.purse = std::move(*purse);
    run.pool = services.pool();
    if (run.asked.call.model.empty() && services.names.unknown_model.empty())
      return request->fail(
          api_error(Error{ErrorKind::invalid_input, "missing_required_parameter",
                          "model: is missing; name \"trinity\" or a member of the pool"}));
    Result<ModelChoice> choice = services.names.resolve(run.asked.call.model, run.pool->config());
    if (!choice) return request->fail(api_error(choice.error()));
    run.choice = std::move(*choice);
    if (std::holds_alternative<MemberModel>(run.choice))
      return start_direct(services, std::move(run));
    start_run(services, std::move(run));
  }

  void count_tokens(const std::shared_ptr<Request>& request) {
    Result<chat::ChatRequest> call =
        chat::anthropic::read_request(request->http().body, /*needs_max_tokens=*/false);
    if (!call) return request->fail(api_error(call.error()));
    answer(request, {{"input_tokens", provider::estimated_input(*call)}});
  }

  void route(const std::shared_ptr<Request>& request) {
    begin_spans(request);
    services.executor.post([&services = services, in_use = InUse(services), request] {
      const auto begin = std::chrono::steady_clock::now();
      const auto pool = services.pool();
      RequestOptions options;
      Result<RouteAnswer> answered =
          answer_route(*services.router, pool->slots(), request->http().body, options);
      services.counts.decision.observe(
          {}, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      if (request->spans) request->spans->decided(begin);
      if (!answered) return request->fail(api_error(answered.error()));
      request->answer(answered->status, std::move(answered->body));
    });
  }

  static constexpr const char* kGreeting =
      "trinity: a pool of models behind one endpoint.\n\n"
      "POST /v1/chat/completions   OpenAI's chat\n"
      "POST /v1/responses          OpenAI's Responses\n"
      "POST /v1/messages           Anthropic's Messages\n"
      "POST /v1/route              a decision without a turn\n"
      "GET  /v1/models, /healthz, /readyz, /metrics\n"
      "GET  /v1/trinity/status, /v1/trinity/runs, /v1/trinity/events\n\n"
      "A browser is shown a page here.\n";

  Services& services;
  Gate gate;
  Idempotency idempotency;
  std::int64_t began = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
  std::atomic<bool> draining = false;
  std::optional<net::HttpServer> http;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  if (!impl_) return;
  impl_->services.runs->close_listeners();
  impl_->http.reset();  // first: no more requests
}

Result<std::unique_ptr<Server>> Server::start(Services& services, const ServeOptions& options) {
  auto impl = std::make_unique<Impl>(services, options);
  Impl* const inner = impl.get();
  TRINITY_TRY(impl->http, net::HttpServer::start(options.http,
                                                 [inner](std::shared_ptr<net::Exchange> exchange) {
                                                   inner->handle(std::move(exchange));
                                                 }));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->http->port(); }

void Server::announce_end() {
  impl_->draining = true;
  impl_->http->announce_end();
}

bool Server::drain(std::chrono::milliseconds patience) {
  announce_end();
  impl_->services.runs->close_listeners();  // they would never end by themselves
  return impl_->http->drain(patience);
}

}  // namespace trinity::serve
