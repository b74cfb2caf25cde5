#include "flags/hub_flags.h"

#include <trinity/version.h>

#include <algorithm>

#include "base/try.h"
#include "flags/hub_environment.h"

namespace trinity::flags {

void add_hub_flags(command_line::Command& command, HubFlags& flags) {
  command
      .value("--endpoint", flags.endpoints,
             "the hub's address (without it: HF_ENDPOINT, else https://huggingface.co); again for "
             "others that are tried when it fails")
      .takes("URL")
      .in("Hub");
  command
      .value("--cache", flags.cache,
             "the cache shared with other programs (default: HF_HUB_CACHE, else HF_HOME/hub, else "
             "~/.cache/huggingface/hub)")
      .takes("DIR")
      .in("Hub");
  command
      .toggle("--offline", flags.offline,
              "make no connection: take what the cache and --dest hold (also HF_HUB_OFFLINE=1)")
      .in("Hub");
  command.value("--jobs", flags.jobs, "files at a time")
      .takes("N")
      .range(1, 64)
      .shows_default()
      .in("Hub");
  command
      .value("--retries", flags.retries,
             "how often a file is tried again without any progress, each time after a longer wait")
      .takes("N")
      .range(0, 1000)
      .shows_default()
      .in("Hub");
  command.value("--timeout", flags.timeout, "seconds without a byte until a try is given up")
      .takes("S")
      .range(0.1, 3600.0)
      .shows_default()
      .in("Hub");
}

Result<hub::PullOptions> pull_options(const HubFlags& flags) {
  using std::chrono::milliseconds;
  hub::PullOptions options;
  options.cache = flags.cache.empty() ? hub_cache_folder() : std::filesystem::path(flags.cache);
  options.offline = flags.offline || hub_offline();
  if (!options.offline) {
    TRINITY_TRY(const std::string endpoint, hub_endpoint());
    options.endpoints = flags.endpoints;
    if (options.endpoints.empty()) options.endpoints = {endpoint};
    options.token = hub_token(endpoint);
  }
  options.jobs = flags.jobs;
  options.retry.attempts = flags.retries + 1;
  hub::NetworkOptions& network = options.network;
  network.stall_timeout = milliseconds(static_cast<milliseconds::rep>(flags.timeout * 1000));
  network.connect_timeout = std::min(network.connect_timeout, network.stall_timeout);
  network.user_agent = "trinity/" TRINITY_VERSION;
  network.https_proxy = environment({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  network.http_proxy = environment({"http_proxy", "all_proxy", "ALL_PROXY"});
  network.no_proxy = environment({"no_proxy", "NO_PROXY"});
  network.ca_file = environment({"SSL_CERT_FILE"});
  return options;
}

}  // namespace trinity::flags
