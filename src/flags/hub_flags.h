// Flags and environment names of commands that talk to a model hub.
#pragma once

#include <string>
#include <vector>

#include "command_line/command_line.h"
#include "hub/pull.h"

namespace trinity::flags {

struct HubFlags {
  std::vector<std::string> endpoints;
  std::string cache;
  bool offline = false;
  int jobs = 4;
  int retries = 5;
  double timeout = 30;  // seconds
};

void add_hub_flags(command_line::Command& command, HubFlags& flags);

/// Also from the environment: what hub_environment.h names; the proxies (https_proxy, http_proxy,
/// all_proxy, no_proxy) and SSL_CERT_FILE. Errors: those of hub_endpoint.
Result<hub::PullOptions> pull_options(const HubFlags& flags);

}  // namespace trinity::flags
