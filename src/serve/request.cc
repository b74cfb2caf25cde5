#include "serve/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "chat/errors.h"
#include "net/url.h"
#include "serve/base32.h"
#include "telemetry/request_spans.h"

namespace trinity::serve {
namespace {

/// Escapes and "+" of a query.
std::string decoded(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');  // before: an escaped one is a plus
  return net::percent_decoded(spaced);
}

}  // namespace

Request::Request(std::shared_ptr<net::Exchange> exchange, std::string id, std::string path,
                 std::string query)
    : exchange_(std::move(exchange)),
      id_(std::move(id)),
      path_(std::move(path)),
      query_(std::move(query)) {}

std::optional<std::string> Request::parameter(std::string_view name) const {
  for (std::size_t begin = 0; begin < query_.size();) {
    const std::size_t end = std::min(query_.find('&', begin), query_.size());
    const std::string_view one = std::string_view(query_).substr(begin, end - begin);
    const std::size_t equals = std::min(one.find('='), one.size());
    if (decoded(one.substr(0, equals)) == name)
      return decoded(one.substr(std::min(equals + 1, one.size())));
    begin = end + 1;
  }
  return std::nullopt;
}

double Request::age_ms() const {
  return std::chrono::duration<double, std::milli>(Clock::now() - arrived_).count();
}

void Request::count(int status) const {
  if (spans) spans->answered(status);
  if (answers == nullptr) return;
  // What clients make up must not become labels without end.
  static constexpr std::array<std::string_view, 13> kPaths = {"/v1/chat/completions",
                                                              "/v1/responses",
                                                              "/v1/messages",
                                                              "/v1/messages/count_tokens",
                                                              "/v1/route",
                                                              "/v1/models",
                                                              "/healthz",
                                                              "/readyz",
                                                              "/metrics",
                                                              "/v1/trinity/status",
                                                              "/v1/trinity/runs",
                                                              "/v1/trinity/events",
                                                              "/"};
  std::string_view path = path_;
  for (const std::string_view many : {"/v1/models", "/v1/trinity/runs", "/page"})
    if (path.starts_with(many) && path.substr(many.size()).starts_with('/'))
      path = many == "/page" ? "/" : many;
  const bool known = std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end();
  answers->add({known ? path : std::string_view("other"), std::to_string(status)});
}

void Request::answer(int status, std::string body, std::string_view type) {
  net::HttpResponse response{status, fields, std::move(body)};
  response.fields.set("Content-Type", std::string(type));
  count(status);
  exchange_->respond(std::move(response));
}

void Request::fail(const ApiError& error) {
  if (error.should_retry) fields.set("x-should-retry", *error.should_retry ? "true" : "false");
  if (error.retry_after) {
    const auto ms = error.retry_after->count();
    fields.set("retry-after", std::to_string((ms + 999) / 1000));
    fields.set("retry-after-ms", std::to_string(ms));
  }
  answer(error.status, error_text(error));
}

std::string Request::error_text(const ApiError& error) const {
  return words == Words::anthropic ? chat::write_anthropic_error(error.error, error.status, id_)
                                   : chat::write_openai_error(error.error, error.status);
}

void Request::replay(net::HttpResponse head, std::string pieces, bool streamed) {
  head.fields.set("x-trinity-idempotent-replay", "true");
  count(head.status);
  if (!streamed) return exchange_->respond(std::move(head));
  exchange_->begin(std::move(head));
  exchange_->write(std::move(pieces));
  exchange_->end();
}

void Request::begin_events() {
  net::HttpResponse head{200, fields, {}};
  head.fields.set("Content-Type", "text/event-stream; charset=utf-8");
  head.fields.set("Cache-Control", "no-cache");
  head.fields.set("X-Accel-Buffering", "no");
  count(200);
  exchange_->begin(std::move(head));
}

std::string fresh_request_id() {
  thread_local std::mt19937_64 random([] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }());
  std::string id = "req_";
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random();
    for (int n = 0; n < 13; ++n, bits >>= 5) id += kBase32[bits & 31];
  }
  return id;
}

}  // namespace trinity::serve
