// What a plugin says of itself, checked and copied.
//
// The bootstrap is read first, by value, and nothing behind it before magic, sizes and version are
// those of version 1: a library that is something else altogether must not be followed. Then comes
// the descriptor, then the table of callbacks. Afterwards nothing of the plugin's own memory is
// needed.
#pragma once

#include <trinity/backend_plugin.h>
#include <trinity/error.h>

#include <string>
#include <string_view>

#include "backend/backend.h"

namespace trinity::plugin {

struct PluginFacts {
  std::string name;
  std::string version;
  std::string description;
  std::string device;
  std::string dtype_policy;
  backend::Exactness exactness = backend::Exactness::decision_stable;
  trinity_plugin_callbacks_v1 callbacks{};

  /// Whether it brings an operation that the host would compose otherwise.
  bool fused() const;
};

/// 1 to 128 of A-Z a-z 0-9 _ - . of which the first is a letter or a digit.
bool is_plugin_name(std::string_view name);

/// `where` names the library in messages. Errors, all `invalid_input` or `unsupported`:
/// `plugin_bad_bootstrap` (NULL or misaligned), `plugin_bad_magic`, `plugin_bad_size` (bootstrap,
/// descriptor), `plugin_unsupported_version`, `plugin_bad_descriptor` (NULL, misaligned,
/// exactness), `plugin_bad_name`, `plugin_too_many_callbacks`, `plugin_bad_callback_count`,
/// `plugin_missing_callback`, `plugin_duplicate_callback`.
Result<PluginFacts> read_plugin_facts(const trinity_plugin_bootstrap_v1* given,
                                      const std::string& where);

}  // namespace trinity::plugin
