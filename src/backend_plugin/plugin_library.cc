#include "backend_plugin/plugin_library.h"

#include <fmt/format.h>

#include <mutex>
#include <system_error>
#include <vector>

#include "backend_plugin/plugin_call.h"
#include "backend_plugin/shared_object.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::plugin {
namespace {

namespace fs = std::filesystem;

/// Everything loaded by this process. It mirrors the state of the dynamic loader, which is one for
/// the process too.
struct Shelf {
  std::mutex mutex;
  std::vector<std::shared_ptr<const LoadedPlugin>> plugins;
};

Shelf& shelf() {
  static Shelf loaded;
  return loaded;
}

Result<fs::path> real_file(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error)
    return fail(
        ErrorKind::missing, "plugin_not_found",
        fmt::format("there is no plugin at {} ({}); give the path of its shared library",
                    path.empty() ? "an empty path" : excerpt(path.string()), error.message()));
  if (!fs::is_regular_file(real, error))
    return fail(ErrorKind::invalid_input, "plugin_not_a_file",
                fmt::format("{} is not a file; give the path of the plugin's shared library",
                            excerpt(real.string())));
  return real;
}

Status require_name(const plugin::PluginFacts& facts, std::string_view wanted,
                    const fs::path& path) {
  if (wanted.empty() || facts.name == wanted) return {};
  return fail(ErrorKind::invalid_input, "plugin_name_mismatch",
              fmt::format("{} is the plugin {}, not {}", excerpt(path.string()), facts.name,
                          excerpt(wanted)));
}

Result<plugin::PluginFacts> read_library(const fs::path& path) {
  TRINITY_TRY(void* const library, plugin::open_shared_object(path));
  TRINITY_TRY(void* const symbol, plugin::find_symbol(library, TRINITY_PLUGIN_SYMBOL_V1, path));
  const auto discover = reinterpret_cast<decltype(&trinity_backend_plugin_v1)>(symbol);
  const std::string where = excerpt(path.string());
  const trinity_plugin_bootstrap_v1* bootstrap = nullptr;
  TRINITY_CHECK(plugin::guarded(where, TRINITY_PLUGIN_SYMBOL_V1, [&]() -> const char* {
    bootstrap = discover();
    return nullptr;
  }));
  return plugin::read_plugin_facts(bootstrap, where);
}

}  // namespace

Result<std::shared_ptr<const LoadedPlugin>> load_plugin(const fs::path& path,
                                                        std::string_view wanted_name) {
  TRINITY_TRY(const fs::path real, real_file(path));
  const std::lock_guard lock(shelf().mutex);
  for (const auto& loaded : shelf().plugins)
    if (loaded->path == real) {
      TRINITY_CHECK(require_name(loaded->facts, wanted_name, real));
      return loaded;
    }
  auto fresh = std::make_shared<LoadedPlugin>();
  fresh->path = real;
  TRINITY_TRY(fresh->facts, read_library(real));
  TRINITY_CHECK(require_name(fresh->facts, wanted_name, real));
  for (const auto& loaded : shelf().plugins)
    if (loaded->facts.name == fresh->facts.name)
      return fail(
          ErrorKind::invalid_input, "plugin_name_taken",
          fmt::format("{} has the name {}, which {} already has; rename one of them",
                      excerpt(real.string()), fresh->facts.name, excerpt(loaded->path.string())));
  shelf().plugins.push_back(fresh);
  return fresh;
}

std::shared_ptr<const LoadedPlugin> find_loaded_plugin(std::string_view name) {
  const std::lock_guard lock(shelf().mutex);
  for (const auto& loaded : shelf().plugins)
    if (loaded->facts.name == name) return loaded;
  return nullptr;
}

Result<std::shared_ptr<const LoadedPlugin>> open_plugin(std::string_view reference) {
  if (auto loaded = find_loaded_plugin(reference)) return loaded;
  const std::size_t equals = reference.find('=');
  if (equals != std::string_view::npos && plugin::is_plugin_name(reference.substr(0, equals)))
    return load_plugin(reference.substr(equals + 1), reference.substr(0, equals));
  if (reference.find('/') == std::string_view::npos)
    return fail(ErrorKind::missing, "plugin_not_found",
                fmt::format("no plugin named \"{}\" is loaded; name its path, with a slash in it: "
                            "plugin:./libmine.so",
                            excerpt(reference)));
  return load_plugin(reference);
}

}  // namespace trinity::plugin
