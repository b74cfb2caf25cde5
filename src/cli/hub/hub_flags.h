// Flags and environment names of commands that talk to a model hub.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "hub/pull.h"

namespace trinity::cli {

struct HubFlags {
  std::vector<std::string> endpoints;
  std::string cache;
  bool offline = false;
  int jobs = 4;
  int retries = 5;
  double timeout = 30;  // seconds
};

void add_hub_flags(Command& command, HubFlags& flags);

/// Also from the environment: HF_TOKEN; HF_HUB_CACHE, else HF_HOME and XDG_CACHE_HOME, else HOME;
/// HF_HUB_OFFLINE; the proxies (https_proxy, http_proxy, all_proxy, no_proxy) and SSL_CERT_FILE.
PullOptions pull_options(const HubFlags& flags);

}  // namespace trinity::cli
