#include "hub/fetch_failure.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "net/redact.h"

namespace trinity::hub {
namespace {

constexpr std::size_t kMaxSentenceBytes = 300;  // of the hub's own

/// A hub answers 401 for what does not exist, too, so as not to tell what exists.
std::string advice_for_401(const AskedFor& asked, bool gated) {
  const std::string withheld = asked.withheld.empty() ? "" : " (" + asked.withheld + ")";
  if (gated)
    return fmt::format("the repository is gated; ask for access at {} and set HF_TOKEN{}",
                       asked.page, withheld);
  if (asked.token.empty())
    return fmt::format(
        "there is no such repository, or it is not open to all; check the name of {}, or set "
        "HF_TOKEN{}",
        asked.page, withheld);
  return fmt::format(
      "there is no such repository, or the token of {} is not accepted; check the name of {}, or "
      "renew the token",
      asked.token, asked.page);
}

std::string advice_for_403(const AskedFor& asked) {
  if (!asked.token.empty())
    return fmt::format("the token of {} does not allow it; ask for access at {}", asked.token,
                       asked.page);
  return fmt::format("it asks for rights; ask for access at {} and set HF_TOKEN{}", asked.page,
                     asked.withheld.empty() ? "" : " (" + asked.withheld + ")");
}

std::string advice_for_404(const std::string& code) {
  if (code == "EntryNotFound") return "there is no such file; check its name";
  if (code == "RevisionNotFound") return "there is no such revision; check its name";
  if (code == "RepoNotFound") return "there is no such repository; check its name";
  return "check repository, revision and file name";
}

}  // namespace

FetchFailure failure_of_transfer(const HttpOutcome& outcome) {
  FetchFailure failure{outcome.transfer.error(), Remedy::retry, std::nullopt};
  const std::string& tag = failure.error.tag;
  if (outcome.sink_failed || tag == "cancelled") failure.remedy = Remedy::none;
  if (tag == "tls_failed" || tag == "headers_too_long" || tag == "invalid_url")
    failure.remedy = Remedy::next_endpoint;
  return failure;
}

FetchFailure failure_of_status(const HttpResponse& response, const AskedFor& asked) {
  const int status = response.status;
  FetchFailure failure;
  failure.retry_after = response.retry_after;
  const auto set = [&](ErrorKind kind, const char* tag, const std::string& message, Remedy remedy) {
    failure.error = {
        kind, tag,
        fmt::format("{} answered {} for {}: {}", asked.where, status, asked.what, message)};
    failure.remedy = remedy;
  };
  const std::string code = asked.at_endpoint ? response.header("x-error-code") : std::string();
  if (!asked.at_endpoint && status >= 400 && status < 500 && status != 429) {
    set(ErrorKind::failed, "hub_unavailable", "the address it was redirected to is not valid",
        Remedy::retry);
  } else if (status == 401) {
    set(ErrorKind::failed, "hub_unauthorized", advice_for_401(asked, code == "GatedRepo"),
        Remedy::next_endpoint);
  } else if (status == 403) {
    set(ErrorKind::failed, "hub_forbidden", advice_for_403(asked), Remedy::next_endpoint);
  } else if (status == 404 || status == 410) {
    set(ErrorKind::missing, "hub_not_found", advice_for_404(code), Remedy::next_endpoint);
  } else if (status == 429) {
    set(ErrorKind::failed, "hub_rate_limited", "too many requests; try again later", Remedy::retry);
  } else if (status == 408 || status == 425 || status >= 500) {
    set(ErrorKind::failed, "hub_unavailable", "try again later", Remedy::retry);
  } else {
    set(ErrorKind::failed, "hub_refused", "this is no answer of a model hub; check --endpoint",
        Remedy::next_endpoint);
  }
  if (const std::string said = response.header("x-error-message");
      asked.at_endpoint && !said.empty())
    failure.error.message += fmt::format(
        " (it says: \"{}\")", excerpt(net::redacted(said, asked.secret), kMaxSentenceBytes));
  return failure;
}

}  // namespace trinity::hub
