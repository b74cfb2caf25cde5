// A plugin whose discovery function throws, which it must not.
#include <trinity/backend_plugin.h>

#include <stdexcept>

const trinity_plugin_bootstrap_v1* trinity_backend_plugin_v1() {
  throw std::runtime_error("no plugin today\x1b[31m");
}
