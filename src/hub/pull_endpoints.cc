#include "hub/pull_endpoints.h"

#include "base/try.h"

namespace trinity::hub {

Result<std::vector<Endpoint>> pull_endpoints(const Pin& pin, const PullOptions& options) {
  std::vector<Endpoint> endpoints;
  if (options.offline) return endpoints;
  for (const std::string& url : options.endpoints) {
    const bool may_have_it = endpoints.empty() || !options.token.home.empty();
    TRINITY_TRY(Endpoint endpoint, make_endpoint(url, may_have_it ? options.token : AccessToken()));
    if (!may_have_it && !options.token.text.empty())
      endpoint.withheld = "the token of " + options.token.name + " goes to the first endpoint only";
    endpoints.push_back(std::move(endpoint));
  }
  for (const std::string& url : pin.mirrors) {
    TRINITY_TRY(Endpoint mirror, make_endpoint(url, {}));
    mirror.chosen_by_user = false;
    if (mirror.url.scheme != "https" && !mirror.url.is_loopback())
      return fail(ErrorKind::invalid_input, "insecure_mirror",
                  "the pin names the mirror " + mirror.url.origin() +
                      ", which is not encrypted; take it out of the pin");
    endpoints.push_back(std::move(mirror));
  }
  return endpoints;
}

}  // namespace trinity::hub
