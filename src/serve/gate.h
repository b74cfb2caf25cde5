// What every request passes before an endpoint sees it: where it thinks that it goes, where it
// comes from, and whose it is.
//
//  * Host: a server on the loopback address answers to its own names only. A page of the web that
//    had its name resolve to 127.0.0.1 (DNS rebinding) still sends its own name.
//  * Origin: browsers say which page asks. Pages of the allow-list may, others are refused, and
//    what is no browser sends none. A preflight is answered without a key, because it carries none.
//  * Key: once keys are set, nothing but liveness and the page is answered without one. Keys are
//  compared by
//    their SHA-256, in constant time.
#pragma once

#include <trinity/error.h>

#include <memory>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "serve/request.h"

namespace trinity::serve {

struct ApiKey {
  std::string name;    // shown, logged, and the subject of budgets
  std::string sha256;  // of the key, lower-case hex
};

struct GateOptions {
  std::vector<ApiKey> keys = {};
  std::vector<std::string> origins = {};  // "https://chat.example.org"; "*": any
  bool loopback = true;                   // the server listens on a loopback address
  std::vector<std::string> hosts = {};    // further names under which it is reached there
};

/// Reads a file of keys: a line `name = key`, or `name = sha256:HEX`; blank lines and lines that
/// begin with "#" are none. Errors: `invalid_api_keys` with the line, those of reading files.
Result<std::vector<ApiKey>> read_api_keys(const std::string& path);

class Gate {
 public:
  /// With `answers`, every answer is counted there.
  explicit Gate(GateOptions options, Metrics::Counter* answers = nullptr)
      : options_(std::move(options)), answers_(answers) {}

  /// The request, with the fields that its answer carries; null: it was answered here.
  std::shared_ptr<Request> admit(std::shared_ptr<net::Exchange> exchange) const;

  bool has_keys() const { return !options_.keys.empty(); }

 private:
  bool host_is_ours(std::string_view host) const;
  bool origin_is_allowed(std::string_view origin) const;
  const ApiKey* owner(const net::Fields& fields) const;

  GateOptions options_;
  Metrics::Counter* answers_;
};

}  // namespace trinity::serve
