// The hub's list of a repository's files: pages of JSON, each naming the next in a Link header.
#include <fmt/format.h>

#include <string_view>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hub/pull.h"
#include "hub/pull_endpoints.h"
#include "net/redact.h"

namespace trinity::hub {
namespace {

constexpr std::size_t kMaxPageBytes = std::size_t{16} << 20;
constexpr int kMaxPages = 1000;

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorKind::failed, "invalid_listing",
              "the hub's list of files cannot be read (" + what +
                  "); name the files with --file, or check --endpoint");
}

Status read_page(const std::string& text, std::vector<PinFile>& files) {
  const auto page = parse_json(text, {.max_depth = 16, .max_bytes = kMaxPageBytes});
  if (!page) return invalid(page.error().message);
  if (!page->is_array()) return invalid("it is no list");
  for (const Json& entry : *page) {
    if (!entry.is_object()) return invalid("an entry is no object");
    const Json* const type = entry.find("type");
    const Json* const path = entry.find("path");
    if (type == nullptr || path == nullptr || !path->is_string())
      return invalid("an entry has no type or path");
    if (*type != "file") continue;
    PinFile file;
    file.path = path->as_string();
    if (const auto size = entry["size"].to_uint64()) file.size = *size;
    file.size_is_listed = true;
    files.push_back(std::move(file));
  }
  return {};
}

/// <URL>; rel="next" → URL, or nothing.
std::string next_page(std::string_view link) {
  for (std::size_t begin = link.find('<'); begin != std::string_view::npos;
       begin = link.find('<', begin + 1)) {
    const std::size_t end = link.find('>', begin);
    if (end == std::string_view::npos) return {};
    const std::string_view rest = link.substr(end, link.find(',', end) - end);
    if (rest.find("rel=\"next\"") != std::string_view::npos ||
        rest.find("rel=next") != std::string_view::npos)
      return std::string(link.substr(begin + 1, end - begin - 1));
  }
  return {};
}

FetchResult<std::vector<PinFile>> list_at(const Endpoint& endpoint, const Repo& repo,
                                          HubClient& client) {
  std::vector<PinFile> files;
  std::string target = tree_target(repo);
  for (int page = 0; page < kMaxPages; ++page) {
    auto document = client.get_text(endpoint, target, kMaxPageBytes, "the list of files", repo, {});
    if (!document) return tl::unexpected(std::move(document.error()));
    if (auto read = read_page(document->text, files); !read)
      return fetch_failure(read.error(), Remedy::next_endpoint);
    if (files.size() > kMaxPinFiles)
      return fetch_failure(invalid("it names too many files").value(), Remedy::next_endpoint);
    const std::string link = next_page(document->answer.response.header("link"));
    if (link.empty()) return files;
    auto next = net::resolve_location(document->answer.url, link);
    if (!next || !next->text.starts_with(endpoint.url.text + "/"))
      return fetch_failure(invalid("its next page is elsewhere").value(), Remedy::next_endpoint);
    target = next->text.substr(endpoint.url.text.size());
  }
  return fetch_failure(invalid("it does not end").value(), Remedy::next_endpoint);
}

FetchResult<std::vector<PinFile>> list_with_retries(const Endpoint& endpoint, const Repo& repo,
                                                    HubClient& client,
                                                    const net::RetryPolicy& policy) {
  for (int failures = 1;; ++failures) {
    auto files = list_at(endpoint, repo, client);
    if (files || files.error().remedy != Remedy::retry || failures >= policy.attempts) return files;
    const auto delay = net::retry_delay(policy, failures, files.error().retry_after, 0.5);
    if (!delay) return files;
    net::pause_for(policy, *delay, {});
  }
}

Result<Pin> list(const Repo& repo, const PullOptions& options) {
  TRINITY_CHECK(require_valid_repo(repo));
  Pin pin;
  pin.repo = repo;
  if (options.offline)
    return fail(ErrorKind::missing, "not_in_cache",
                "the list of files comes from the hub, which is not asked offline; name the files "
                "with --file");
  TRINITY_TRY(const std::vector<Endpoint> endpoints, pull_endpoints(pin, options));
  TRINITY_TRY(HttpClient http, HttpClient::create(options.network));
  HubClient client(std::move(http));
  std::optional<Error> first_error;
  for (const Endpoint& endpoint : endpoints) {
    auto files = list_with_retries(endpoint, repo, client, options.retry);
    if (!files) {
      if (!first_error) first_error = files.error().error;
      continue;
    }
    pin.files = std::move(*files);
    TRINITY_CHECK(require_valid_pin(pin));
    return pin;
  }
  if (first_error) return tl::unexpected(std::move(*first_error));
  return fail(ErrorKind::usage, "missing_endpoint", "no endpoint is given; give --endpoint");
}

}  // namespace

Result<Pin> list_files(const Repo& repo, const PullOptions& options) {
  auto pin = list(repo, options);
  if (!pin) return tl::unexpected(net::redacted(std::move(pin.error()), options.token.text));
  return pin;
}

}  // namespace trinity::hub
