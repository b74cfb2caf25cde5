#include "hub/hub_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::hub {
namespace {

constexpr int kMaxRedirects = 8;

/// Shows a sink the answers that are no redirects.
class LastAnswerSink final : public BodySink {
 public:
  explicit LastAnswerSink(BodySink& sink) : sink_(sink) {}
  Result<bool> begin(const HttpResponse& response) override {
    if (is_redirect(response.status)) return false;
    return sink_.begin(response);
  }
  Status write(std::span<const std::byte> bytes) override { return sink_.write(bytes); }

 private:
  BodySink& sink_;
};

class TextSink final : public BodySink {
 public:
  explicit TextSink(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  Result<bool> begin(const HttpResponse& response) override {
    text_.clear();
    return is_success(response.status);
  }
  Status write(std::span<const std::byte> bytes) override {
    if (bytes.size() > max_bytes_ - text_.size())
      return fail(ErrorKind::failed, "hub_refused",
                  "the hub's answer is too long to be a list of files; check --endpoint");
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  std::string take() { return std::move(text_); }

 private:
  std::size_t max_bytes_;
  std::string text_;
};

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// W/"abc" and "abc" → abc.
std::string plain_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

/// Adds what one answer on the way says; the first word on a matter holds, and what the hub says
/// about the linked file goes before what a storage server says about itself.
void learn(HubAnswer& answer, const HttpResponse& response, bool& linked_etag) {
  if (answer.commit.empty()) answer.commit = response.header("x-repo-commit");
  if (const std::string etag = plain_etag(response.header("x-linked-etag"));
      !etag.empty() && !linked_etag) {
    answer.etag = etag;
    linked_etag = true;
  }
  if (const auto size = number_of(response.header("x-linked-size")); !answer.size && size != 0u)
    answer.size = size;
  if (is_redirect(response.status) || !is_success(response.status)) return;
  const std::string etag = response.header("etag");
  if (!linked_etag) answer.etag = plain_etag(etag);
  if (!answer.left_endpoint && etag.size() > 2 && etag.front() == '"' && etag.back() == '"')
    answer.if_range = etag;
}

}  // namespace

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Endpoint> make_endpoint(const std::string& url, const AccessToken& token) {
  std::string text = url;
  while (text.ends_with('/')) text.pop_back();
  if (text.find_first_of("?#") != std::string::npos)
    return fail(ErrorKind::invalid_input, "invalid_url",
                "an endpoint is an address without ? and #; the files' names are put behind it");
  Endpoint endpoint;
  TRINITY_TRY(endpoint.url, net::parse_url(text));
  while (endpoint.url.text.ends_with('/')) endpoint.url.text.pop_back();
  if (token.text.empty()) return endpoint;
  if (!std::all_of(token.text.begin(), token.text.end(),
                   [](char c) { return c > 0x20 && c < 0x7f; }))
    return fail(ErrorKind::invalid_input, "invalid_token",
                fmt::format("the token of {} holds characters that no token has; set it again",
                            token.name));
  if (!token.home.empty()) {
    TRINITY_TRY(const net::Url home, net::parse_url(token.home));
    if (!net::same_origin(home, endpoint.url)) {
      endpoint.withheld = fmt::format("the token of {} belongs to {} and is not sent elsewhere",
                                      token.name, home.origin());
      return endpoint;
    }
  }
  if (endpoint.url.scheme == "https" || endpoint.url.is_loopback()) {
    endpoint.token = token;
  } else {
    endpoint.withheld = fmt::format("the token of {} is sent over https only", token.name);
  }
  return endpoint;
}

AskedFor asked_for(const Endpoint& endpoint, const Repo& repo, const std::string& what,
                   const HubAnswer& answer) {
  AskedFor asked;
  asked.where = answer.url.origin();
  asked.what = what;
  asked.page = excerpt(endpoint.url.text + page_target(repo));
  if (!endpoint.token.text.empty() && !answer.left_endpoint) asked.token = endpoint.token.name;
  asked.secret = endpoint.token.text;
  asked.withheld = endpoint.withheld;
  asked.at_endpoint = !answer.left_endpoint;
  return asked;
}

Status require_safe_redirect(const net::Url& from, const net::Url& to) {
  if (from.scheme != "https" || to.scheme == "https") return {};
  return fail(
      ErrorKind::failed, "insecure_redirect",
      fmt::format("{} redirects to {}, which is not encrypted; this is refused, use another "
                  "--endpoint",
                  from.origin(), to.origin()));
}

FetchResult<HubAnswer> HubClient::send(const Endpoint& endpoint, const HubRequest& request,
                                       BodySink& sink, const std::stop_token& stop) {
  HubAnswer answer;
  bool linked_etag = false;
  auto url = net::parse_url(endpoint.url.text + request.target);
  if (!url) return fetch_failure(url.error(), Remedy::next_endpoint);
  answer.url = std::move(*url);
  LastAnswerSink last_answer(sink);
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    HttpRequest http{answer.url, request.head, {"Accept-Encoding: identity"}};
    if (!endpoint.token.text.empty() && !answer.left_endpoint)
      http.headers.push_back("Authorization: Bearer " + endpoint.token.text);
    if (request.offset > 0) {
      http.headers.push_back(fmt::format("Range: bytes={}-", request.offset));
      if (!request.if_range.empty() && !answer.left_endpoint)
        http.headers.push_back("If-Range: " + request.if_range);
    }
    const HttpOutcome outcome = http_.perform(http, last_answer, stop);
    if (!outcome.transfer) return tl::unexpected(failure_of_transfer(outcome));
    learn(answer, outcome.response, linked_etag);
    answer.response = outcome.response;
    if (!is_redirect(outcome.response.status)) return answer;
    if (request.head && linked_etag) return answer;
    auto next = net::resolve_location(answer.url, outcome.response.header("location"));
    if (!next) {
      next.error().tag = "invalid_redirect";
      return fetch_failure(next.error(), Remedy::next_endpoint);
    }
    if (auto safe = require_safe_redirect(answer.url, *next); !safe)
      return fetch_failure(safe.error(), Remedy::next_endpoint);
    answer.redirected = true;
    answer.left_endpoint = answer.left_endpoint || !net::same_origin(endpoint.url, *next);
    answer.url = std::move(*next);
  }
  return fetch_failure({ErrorKind::failed, "too_many_redirects",
                        fmt::format("{} redirects more than {} times; use another --endpoint",
                                    endpoint.url.origin(), kMaxRedirects)},
                       Remedy::next_endpoint);
}

FetchResult<HubClient::Document> HubClient::get_text(const Endpoint& endpoint,
                                                     const std::string& target,
                                                     std::size_t max_bytes, const std::string& what,
                                                     const Repo& repo,
                                                     const std::stop_token& stop) {
  TextSink sink(max_bytes);
  auto answer = send(endpoint, {target, false, 0, ""}, sink, stop);
  if (!answer) return tl::unexpected(std::move(answer.error()));
  if (!is_success(answer->response.status))
    return tl::unexpected(
        failure_of_status(answer->response, asked_for(endpoint, repo, what, *answer)));
  return Document{sink.take(), std::move(*answer)};
}

}  // namespace trinity::hub
