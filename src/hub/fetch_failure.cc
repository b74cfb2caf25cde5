#include "hub/fetch_failure.h"

#include <fmt/format.h>

namespace trinity {

FetchFailure failure_of_transfer(const HttpOutcome& outcome) {
  FetchFailure failure{outcome.transfer.error(), Remedy::retry, std::nullopt};
  const std::string& tag = failure.error.tag;
  if (outcome.sink_failed || tag == "cancelled") failure.remedy = Remedy::none;
  if (tag == "tls_failed") failure.remedy = Remedy::next_endpoint;
  return failure;
}

FetchFailure failure_of_status(const HttpResponse& response, const std::string& where,
                               const std::string& what, bool token_sent, bool at_endpoint) {
  const int status = response.status;
  FetchFailure failure;
  failure.retry_after = response.retry_after;
  const auto set = [&](ErrorKind kind, const char* tag, const std::string& message, Remedy remedy) {
    failure.error = {kind, tag,
                     fmt::format("{} answered {} for {}: {}", where, status, what, message)};
    failure.remedy = remedy;
  };
  if (!at_endpoint && status >= 400 && status < 500 && status != 429) {
    set(ErrorKind::failed, "hub_unavailable", "the address it was redirected to is not valid",
        Remedy::retry);
  } else if (status == 401) {
    set(ErrorKind::failed, "hub_unauthorized",
        token_sent
            ? "the token is not accepted; renew HF_TOKEN"
            : "it asks for a token; set HF_TOKEN (a token goes to the first endpoint only, and "
              "only over https)",
        Remedy::next_endpoint);
  } else if (status == 403) {
    set(ErrorKind::failed, "hub_forbidden",
        token_sent ? "the token does not allow it; ask for access to the repository"
                   : "it asks for rights; set HF_TOKEN and ask for access to the repository",
        Remedy::next_endpoint);
  } else if (status == 404 || status == 410) {
    set(ErrorKind::missing, "hub_not_found", "check repository, revision and file name",
        Remedy::next_endpoint);
  } else if (status == 429) {
    set(ErrorKind::failed, "hub_rate_limited", "too many requests; try again later", Remedy::retry);
  } else if (status == 408 || status == 425 || status >= 500) {
    set(ErrorKind::failed, "hub_unavailable", "try again later", Remedy::retry);
  } else {
    set(ErrorKind::failed, "hub_refused", "this is no answer of a model hub; check --endpoint",
        Remedy::next_endpoint);
  }
  return failure;
}

}  // namespace trinity
