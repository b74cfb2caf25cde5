// What a failure of an HTTP member means: its status, type, code and text read together.
//
// The status alone misleads. llama.cpp answers a picture that its model cannot see with 500, hosts
// answer an account without money with 429, others put the error into a 200. So what the body says
// decides first, and the status decides what it leaves open.
//
// Nothing of a body is passed on as it came: messages are cut, made printable, and keys are taken
// out of them (a 401 often repeats half of one).
#pragma once

#include "net/http.h"
#include "provider/member.h"
#include "provider/secret.h"

namespace trinity::provider {

/// Who failed, for the message, and what must not be in it.
struct Upstream {
  std::string member;
  std::string model;
  std::string origin;  // "http://127.0.0.1:8080"
  std::vector<Secret> secrets;
};

/// The class of an answer that is no reply. `status` 200: an error object in a reply or a stream.
FailureClass classified(int status, std::string_view type, std::string_view code,
                        std::string_view message);

/// An answer with a status other than 200, or with an error object in its body. Tags: `http_error`
/// and, for an error object in a 200, `upstream_error`.
Failure http_failure(const Upstream& upstream, int status, const net::Fields& fields,
                     std::string_view body);
/// No answer, from the error of the HTTP client. Its tags stay.
Failure transport_failure(const Upstream& upstream, Error error, bool sent);
/// An answer that cannot be read, or that ends without an end: `invalid_provider_response`.
Failure invalid_failure(const Upstream& upstream, std::string_view what);

/// retry-after-ms, else retry-after in seconds. A date is not read.
std::optional<std::chrono::milliseconds> retry_after_of(const net::Fields& fields);

}  // namespace trinity::provider
