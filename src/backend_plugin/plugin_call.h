// Calling into a plugin: whatever it does comes back as an error value.
#pragma once

#include <trinity/backend_plugin.h>
#include <trinity/error.h>

#include <exception>
#include <string>

namespace trinity::plugin {

/// Error `plugin_failed`: a callback returned this text.
tl::unexpected<Error> returned_error(const std::string& who, const char* callback,
                                     const char* text);
/// Error `plugin_exception`: a callback threw; `what` is NULL for what is no std::exception.
tl::unexpected<Error> thrown_error(const std::string& who, const char* callback, const char* what);

/// Runs `call`, which calls `callback` of the plugin `who` and returns its error text. Plugins must
/// not throw; one that does anyway is caught here, where its frames end.
template <typename Call>
Status guarded(const std::string& who, const char* callback, Call&& call) {
  try {
    if (const char* text = call()) return returned_error(who, callback, text);
    return {};
  } catch (const std::exception& exception) {
    return thrown_error(who, callback, exception.what());
  } catch (...) {
    return thrown_error(who, callback, nullptr);
  }
}

}  // namespace trinity::plugin
