#include "hub/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "hub/curl_library.h"

namespace trinity::hub {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kUnwantedBytes = 64 * 1024;  // read of a body that nobody wants
constexpr milliseconds kLookForStop{100};          // how soon a stopped transfer ends
constexpr long kReceiveBuffer = 256 * 1024;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// One transfer as the callbacks see it.
struct Transfer {
  HttpResponse response;
  BodySink* sink = nullptr;
  Clock::time_point last_byte = Clock::now();
  bool begun = false;
  bool wanted = false;
  bool enough = false;  // ended by us without a failure
  std::size_t unwanted = 0;
  std::size_t header_bytes = 0;
  bool headers_too_long = false;
  Status sink_status;
  std::exception_ptr thrown;

  /// False: there are too many of them.
  bool take_header(std::string_view line) {
    last_byte = Clock::now();
    header_bytes += line.size();
    headers_too_long = header_bytes > kMaxHeaderBytes;
    if (!headers_too_long) read_header(line);
    return !headers_too_long;
  }

  void read_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
      response = {};
      const std::size_t space = line.find(' ');
      if (space != std::string_view::npos)
        for (const char c : line.substr(space + 1, 3))
          response.status = response.status * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
      return;
    }
    const std::string_view text = trimmed(line);
    if (text.empty()) {
      response.headers_complete = true;
      return;
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(trimmed(text.substr(0, colon)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    response.headers[name] = std::string(trimmed(text.substr(colon + 1)));
  }

  bool begin() {
    if (begun) return sink_status.has_value();
    begun = true;
    auto answer = sink->begin(response);
    if (answer) {
      wanted = *answer;
    } else {
      sink_status = tl::unexpected(std::move(answer.error()));
    }
    return sink_status.has_value();
  }

  bool take_body(std::span<const std::byte> bytes) {
    last_byte = Clock::now();
    if (!begin()) return false;
    if (!wanted) {
      unwanted += bytes.size();
      enough = unwanted > kUnwantedBytes;
      return !enough;
    }
    sink_status = sink->write(bytes);
    return sink_status.has_value();
  }
};

// Exceptions must not pass libcurl's frames: the transfer ends, and they go on behind it.
template <class Take>
std::size_t guarded(Transfer& transfer, std::size_t size, Take&& take) noexcept {
  try {
    return take() ? size : 0;
  } catch (...) {
    transfer.thrown = std::current_exception();
    return 0;
  }
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* state) {
  auto& transfer = *static_cast<Transfer*>(state);
  return guarded(transfer, size * count, [&] {
    return transfer.take_header({data, size * count});
  });
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* state) {
  auto& transfer = *static_cast<Transfer*>(state);
  const std::span<const char> bytes(data, size * count);
  return guarded(transfer, size * count, [&] { return transfer.take_body(std::as_bytes(bytes)); });
}

Error error_of(CURLcode code, const std::string& text, const std::string& where) {
  const auto failed = [&](const char* tag, const std::string& what) {
    return Error{ErrorKind::failed, tag, fmt::format("{} {}", where, what)};
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return failed("connection_failed",
                    fmt::format("cannot be reached ({}); check the network", text));
    case CURLE_OPERATION_TIMEDOUT:
      return failed("timeout", "did not answer in time; check the network");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
      return failed("tls_failed",
                    fmt::format("did not prove who it is ({}); check the address and the clock, or "
                                "name the certificates to trust",
                                text));
    default:
      return failed("connection_lost", fmt::format("broke the transfer off ({})", text));
  }
}

/// libcurl must connect to what was compared with the endpoint: it is asked to read the address,
/// too.
Status require_same_reading(const CurlLibrary& curl, const net::Url& url) {
  const std::unique_ptr<CURLU, decltype(curl.url_cleanup)> handle(curl.url(), curl.url_cleanup);
  const auto reads = [&](CURLUPart which, const std::string& expected) {
    char* text = nullptr;
    const bool read = curl.url_get(handle.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                      text != nullptr;
    const bool same = read && expected == text;
    if (read) curl.free(text);
    return same;
  };
  if (curl.url_set(handle.get(), CURLUPART_URL, url.text.c_str(), 0) == CURLUE_OK &&
      reads(CURLUPART_SCHEME, url.scheme) && reads(CURLUPART_HOST, url.host) &&
      reads(CURLUPART_PORT, url.port))
    return {};
  return fail(ErrorKind::failed, "invalid_url",
              url.origin() + ": libcurl reads another address; use another --endpoint");
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

struct HttpClient::State {
  const CurlLibrary* curl = nullptr;
  NetworkOptions options;
  CURL* easy = nullptr;
  CURLM* multi = nullptr;

  State(const CurlLibrary* library, NetworkOptions network)
      : curl(library),
        options(std::move(network)),
        easy(library->easy_init()),
        multi(library->multi_init()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (easy != nullptr) curl->easy_cleanup(easy);
    if (multi != nullptr) curl->multi_cleanup(multi);
  }

  /// libcurl's own reading of the environment is switched off by giving every such value.
  void configure(const HttpRequest& request, Transfer& transfer, curl_slist* headers) {
    const auto set = [this](CURLoption option, auto value) {
      curl->easy_setopt(easy, option, value);
    };
    curl->easy_reset(easy);
    set(CURLOPT_URL, request.url.text.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOBODY, request.head ? 1L : 0L);
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_USERAGENT, options.user_agent.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
    const bool direct = request.url.is_loopback();
    const std::string& proxy =
        request.url.scheme == "https" ? options.https_proxy : options.http_proxy;
    set(CURLOPT_PROXY, direct ? "" : proxy.c_str());
    set(CURLOPT_NOPROXY, options.no_proxy.c_str());
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  }

  /// Runs the configured transfer to its end.
  Status run(const Transfer& transfer, const std::string& where, const std::stop_token& stop) {
    curl->multi_add_handle(multi, easy);
    Status status = loop(transfer, where, stop);
    curl->multi_remove_handle(multi, easy);
    if (transfer.thrown) std::rethrow_exception(transfer.thrown);
    return status;
  }

  Status loop(const Transfer& transfer, const std::string& where, const std::stop_token& stop) {
    while (true) {
      int running = 0;
      if (curl->multi_perform(multi, &running) != CURLM_OK)
        return fail(ErrorKind::failed, "connection_lost", where + ": the transfer broke down");
      int left = 0;
      while (const CURLMsg* message = curl->multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        if (transfer.headers_too_long)
          return fail(ErrorKind::failed, "headers_too_long",
                      fmt::format("{} answers with more than {} bytes of headers; use another "
                                  "--endpoint",
                                  where, kMaxHeaderBytes));
        if (code == CURLE_OK || transfer.enough || !transfer.sink_status) return {};
        return tl::unexpected(error_of(code, curl->easy_strerror(code), where));
      }
      if (stop.stop_requested())
        return fail(ErrorKind::failed, "cancelled", "the download was stopped");
      const auto silent = std::chrono::ceil<milliseconds>(Clock::now() - transfer.last_byte);
      if (silent >= options.stall_timeout)
        return fail(ErrorKind::failed, "timeout",
                    fmt::format("{} sent nothing for {} ms; check the network", where,
                                options.stall_timeout.count()));
      const auto wait = std::min(kLookForStop, options.stall_timeout - silent);
      curl->multi_poll(multi, nullptr, 0, std::max(1, static_cast<int>(wait.count())), nullptr);
    }
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::create(const NetworkOptions& options) {
  TRINITY_TRY(const CurlLibrary* curl, CurlLibrary::load());
  auto state = std::make_unique<State>(curl, options);
  if (state->easy == nullptr || state->multi == nullptr)
    return fail(ErrorKind::missing, "missing_library", "libcurl cannot be started; reinstall it");
  return HttpClient(std::move(state));
}

HttpOutcome HttpClient::perform(const HttpRequest& request, BodySink& sink,
                                const std::stop_token& stop) {
  Transfer transfer;
  transfer.sink = &sink;
  HttpOutcome outcome;
  outcome.transfer = require_same_reading(*state_->curl, request.url);
  if (!outcome.transfer) return outcome;
  curl_slist* list = nullptr;
  for (const std::string& header : request.headers)
    list = state_->curl->slist_append(list, header.c_str());
  state_->configure(request, transfer, list);
  outcome.transfer = state_->run(transfer, request.url.origin(), stop);
  if (outcome.transfer && !transfer.response.headers_complete)
    outcome.transfer =
        fail(ErrorKind::failed, "connection_lost", request.url.origin() + " broke its answer off");
  if (outcome.transfer) transfer.begin();
  if (!transfer.sink_status) {
    outcome.transfer = transfer.sink_status;
    outcome.sink_failed = true;
  }
  curl_off_t seconds = 0;
  if (state_->curl->easy_getinfo(state_->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK &&
      seconds > 0)
    transfer.response.retry_after = std::chrono::seconds(seconds);
  state_->curl->slist_free_all(list);
  outcome.response = std::move(transfer.response);
  return outcome;
}

}  // namespace trinity::hub
