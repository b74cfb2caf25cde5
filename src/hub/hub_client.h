// Requests to a hub, redirects followed here and not by the HTTP library, so that it is plain to
// see where a token goes: to the endpoint it is meant for (same scheme, host and port), and nowhere
// any more once a redirect has led away from it.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "hub/fetch_failure.h"
#include "hub/http_client.h"
#include "hub/repo.h"
#include "net/url.h"

namespace trinity::hub {

/// A secret that opens private and gated repositories.
struct AccessToken {
  std::string text;               // empty = none
  std::string name = "HF_TOKEN";  // of the variable or file that it comes from, for messages
  /// The endpoint that it belongs to, for example where somebody has logged in: it goes to no other
  /// scheme, host and port. Empty: to the first endpoint, whichever that is.
  std::string home = {};
};

struct Endpoint {
  net::Url url;          // without a slash at the end
  AccessToken token;     // meant for this endpoint
  std::string withheld;  // why a token that there is does not go here; empty = it does, or none
  /// Not named by a pin: its word counts on what has no hash in the pin.
  bool chosen_by_user = true;
};

/// Errors: `invalid_url`; `invalid_token` when the token holds what no header may hold. A token is
/// dropped for an endpoint without encryption that is not this machine, and one with a home for
/// every other place.
Result<Endpoint> make_endpoint(const std::string& url, const AccessToken& token);

/// What the answers along the redirects say about a file.
struct HubAnswer {
  HttpResponse response;  // the last one
  std::string commit;     // X-Repo-Commit, may be empty
  std::string etag;       // X-Linked-Etag or else ETag, without quotes; may be empty
  /// X-Linked-Size. The length that an answer to HEAD names proves nothing: it may be that of a
  /// packed form, or 0 where a server does not know it.
  std::optional<std::uint64_t> size;
  std::string if_range;  // a strong ETag of the very address asked, in quotes; may be empty
  bool redirected = false;
  bool left_endpoint = false;
  net::Url url;  // that gave the last answer
};

struct HubRequest {
  std::string target;  // below the endpoint, see repo.h
  bool head = false;
  std::uint64_t offset = 0;  // ask for the bytes from here on
  std::string if_range;      // only if the file is still this one; stays at the endpoint
};

class HubClient {
 public:
  explicit HubClient(HttpClient http) : http_(std::move(http)) {}

  /// The first answer that is no redirect, whatever its status; a HEAD request also ends at a
  /// redirect that tells the hash. The sink sees the last answer only. Failures:
  /// `too_many_redirects`, `insecure_redirect` (from https to http), `invalid_redirect`, and those
  /// of failure_of_transfer.
  FetchResult<HubAnswer> send(const Endpoint& endpoint, const HubRequest& request, BodySink& sink,
                              const std::stop_token& stop);

  /// GET of a document of at most `max_bytes`, for instance a list. Also `hub_refused` when longer,
  /// and failure_of_status.
  struct Document {
    std::string text;
    HubAnswer answer;
  };
  FetchResult<Document> get_text(const Endpoint& endpoint, const std::string& target,
                                 std::size_t max_bytes, const std::string& what, const Repo& repo,
                                 const std::stop_token& stop);

 private:
  HttpClient http_;
};

/// What failure_of_status needs to know about a request of `what`.
AskedFor asked_for(const Endpoint& endpoint, const Repo& repo, const std::string& what,
                   const HubAnswer& answer);

/// Error `insecure_redirect` from https to http.
Status require_safe_redirect(const net::Url& from, const net::Url& to);

bool is_success(int status);
bool is_redirect(int status);

}  // namespace trinity::hub
