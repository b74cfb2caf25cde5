// One HTTP request: no redirects, no retries, nothing kept but the connection.
//
// The transfer runs on the caller's thread and can be stopped at any time. A transfer in which no
// byte arrives for `stall_timeout` is given up.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "net/url.h"

namespace trinity::hub {

struct NetworkOptions {
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{30'000};
  std::string user_agent = "trinity";
  std::string ca_file;  // certificates to trust instead of the system's; empty = the system's
  std::string http_proxy, https_proxy;  // for addresses of that scheme; empty = none
  std::string no_proxy;                 // hosts that are reached directly, with commas
};

struct HttpRequest {
  net::Url url;
  bool head = false;                 // HEAD instead of GET
  std::vector<std::string> headers;  // "Name: value"
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; the last of equal names wins
  bool headers_complete = false;
  std::optional<std::chrono::seconds> retry_after;

  /// Empty when absent.
  std::string header(const std::string& name) const;
};

/// Takes the body of a response as it arrives.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Called once, before the first byte and also when there is none. False: the body is not wanted.
  virtual Result<bool> begin(const HttpResponse& response) = 0;
  virtual Status write(std::span<const std::byte> bytes) = 0;
};

struct HttpOutcome {
  HttpResponse response;  // what arrived, also when the transfer failed
  /// Errors: `connection_failed`, `connection_lost`, `timeout`, `tls_failed`, `cancelled`,
  /// `headers_too_long` (more than kMaxHeaderBytes), `invalid_url` (libcurl reads another place out
  /// of it), and the sink's own.
  Status transfer;
  bool sink_failed = false;  // the error is the sink's
};

/// All header lines of one answer, interim answers included.
inline constexpr std::size_t kMaxHeaderBytes = 256 * 1024;

/// For one thread at a time.
class HttpClient {
 public:
  /// Error `missing_library`.
  static Result<HttpClient> create(const NetworkOptions& options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  HttpOutcome perform(const HttpRequest& request, BodySink& sink, const std::stop_token& stop);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace trinity::hub
