#include "backend_plugin/plugin_instance.h"

#include <fmt/format.h>

namespace trinity::plugin {

Result<std::shared_ptr<PluginInstance>> PluginInstance::create(
    std::shared_ptr<const LoadedPlugin> plugin, int threads) {
  std::shared_ptr<PluginInstance> instance(new PluginInstance(std::move(plugin)));
  const trinity_plugin_options options{sizeof(trinity_plugin_options), threads};
  trinity_plugin_backend* made = nullptr;
  TRINITY_CHECK(
      instance->run("create", [&] { return instance->callbacks().create(&options, &made); }));
  if (made == nullptr)
    return fail(
        ErrorKind::failed, "plugin_null_handle",
        fmt::format("plugin {} said that create succeeded, but gave nothing; report it to its "
                    "author",
                    instance->facts().name));
  instance->backend_ = made;
  return instance;
}

PluginInstance::~PluginInstance() {
  if (backend_ == nullptr) return;
  try {
    callbacks().destroy(backend_);
  } catch (...) {  // it must not throw; there is nobody left to tell
  }
}

void PluginInstance::release(trinity_plugin_storage* storage) noexcept {
  live_.erase(storage);
  try {
    callbacks().release(backend_, storage);
  } catch (...) {  // as above
  }
}

Result<std::vector<backend::Tensor>> PluginInstance::adopt(
    const char* callback, const std::vector<Shape>& expected,
    const std::vector<trinity_plugin_tensor>& given) {
  const auto refuse = [&](const char* tag, const std::string& what) {
    return fail(ErrorKind::failed, tag,
                fmt::format("plugin {} gave {} from {}; report it to its author", facts().name,
                            what, callback));
  };
  // Everything that is really new is owned before anything is refused, so that nothing leaks.
  std::vector<backend::Tensor> tensors;
  bool null = false, in_use = false;
  for (size_t i = 0; i < given.size(); ++i) {
    trinity_plugin_storage* storage = given[i].storage;
    if (storage == nullptr) {
      null = true;
    } else if (!live_.insert(storage).second) {
      in_use = true;
    } else {
      tensors.emplace_back(std::make_shared<PluginStorage>(shared_from_this(), given[i]),
                           expected[i].rows, expected[i].cols);
    }
  }
  if (null) return refuse("plugin_null_handle", "no tensor");
  if (in_use) return refuse("plugin_handle_in_use", "a tensor that is still in use");
  for (size_t i = 0; i < given.size(); ++i)
    if (given[i].rows != expected[i].rows || given[i].cols != expected[i].cols)
      return refuse("plugin_shape_mismatch",
                    fmt::format("[{}, {}] instead of [{}, {}]", given[i].rows, given[i].cols,
                                expected[i].rows, expected[i].cols));
  return tensors;
}

}  // namespace trinity::plugin
