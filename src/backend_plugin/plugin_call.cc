#include "backend_plugin/plugin_call.h"

#include <fmt/format.h>

#include "backend_plugin/plugin_text.h"

namespace trinity::plugin {

tl::unexpected<Error> returned_error(const std::string& who, const char* callback,
                                     const char* text) {
  const std::string reason = foreign_text(text, TRINITY_PLUGIN_MAX_ERROR);
  return fail(ErrorKind::failed, "plugin_failed",
              fmt::format("plugin {} failed in {}: {}", who, callback,
                          reason.empty() ? "no reason given" : reason));
}

tl::unexpected<Error> thrown_error(const std::string& who, const char* callback, const char* what) {
  const std::string reason = foreign_text(what, TRINITY_PLUGIN_MAX_ERROR);
  return fail(ErrorKind::failed, "plugin_exception",
              fmt::format("plugin {} threw an exception out of {}, which it must not: {}", who,
                          callback, reason.empty() ? "of a type of its own" : reason));
}

}  // namespace trinity::plugin
