// One instance of a plugin and the handles that it gave out.
//
// Handles are checked as they arrive: not NULL, not one that is still in use, of the shape that was
// asked for. A tensor keeps its instance alive and is released exactly once, whoever drops it last.
#pragma once

#include <trinity/backend_plugin.h>

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "backend/tensor_handle.h"
#include "backend_plugin/plugin_library.h"

namespace trinity::plugin {

class PluginInstance : public std::enable_shared_from_this<PluginInstance> {
 public:
  /// Errors: `plugin_failed`, `plugin_exception`, `plugin_null_handle`.
  static Result<std::shared_ptr<PluginInstance>> create(std::shared_ptr<const LoadedPlugin> plugin,
                                                        int threads);
  ~PluginInstance();
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;

  const PluginFacts& facts() const { return plugin_->facts; }
  const trinity_plugin_callbacks_v1& callbacks() const { return plugin_->facts.callbacks; }
  trinity_plugin_backend* backend() const { return backend_; }

  struct Shape {
    int64_t rows, cols;
  };

  /// Runs `call(outs)`, which calls a callback with these zeroed out parameters, and adopts what it
  /// filled in: one result for each expected shape. Errors: `plugin_failed`, `plugin_exception`,
  /// `plugin_null_handle`, `plugin_handle_in_use`, `plugin_shape_mismatch`.
  template <typename Call>
  Result<std::vector<backend::Tensor>> make(const char* callback,
                                            const std::vector<Shape>& expected, Call&& call);

  /// A callback that makes nothing. Errors: `plugin_failed`, `plugin_exception`.
  template <typename Call>
  Status run(const char* callback, Call&& call);

  void release(trinity_plugin_storage* storage) noexcept;

 private:
  explicit PluginInstance(std::shared_ptr<const LoadedPlugin> plugin)
      : plugin_(std::move(plugin)) {}

  Result<std::vector<backend::Tensor>> adopt(const char* callback,
                                             const std::vector<Shape>& expected,
                                             const std::vector<trinity_plugin_tensor>& given);

  std::shared_ptr<const LoadedPlugin> plugin_;
  trinity_plugin_backend* backend_ = nullptr;
  std::unordered_set<trinity_plugin_storage*> live_;
};

/// What a Tensor of a plugin holds.
struct PluginStorage final : backend::BackendStorage {
  PluginStorage(std::shared_ptr<PluginInstance> owner, const trinity_plugin_tensor& made)
      : instance(std::move(owner)), tensor(made) {}
  ~PluginStorage() override { instance->release(tensor.storage); }
  PluginStorage(const PluginStorage&) = delete;
  PluginStorage& operator=(const PluginStorage&) = delete;

  std::shared_ptr<PluginInstance> instance;
  trinity_plugin_tensor tensor;
};

}  // namespace trinity::plugin

#include "backend_plugin/plugin_call.h"
#include "base/try.h"

namespace trinity::plugin {

template <typename Call>
Result<std::vector<backend::Tensor>> PluginInstance::make(const char* callback,
                                                          const std::vector<Shape>& expected,
                                                          Call&& call) {
  std::vector<trinity_plugin_tensor> outs(expected.size(), trinity_plugin_tensor{nullptr, 0, 0});
  TRINITY_CHECK(guarded(facts().name, callback, [&] { return call(outs.data()); }));
  return adopt(callback, expected, outs);
}

template <typename Call>
Status PluginInstance::run(const char* callback, Call&& call) {
  return guarded(facts().name, callback, call);
}

}  // namespace trinity::plugin
