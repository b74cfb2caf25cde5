#include "backend_registry/lane_promise.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace trinity::backend {
namespace {

using Probe = std::optional<std::string> (*)();

struct Remembered {
  std::once_flag once;
  std::optional<std::string> broken;
};

/// What a probe found; it runs on the first call for it.
const std::optional<std::string>& found_by(Probe probe) {
  static std::mutex mutex;
  static std::map<Probe, std::unique_ptr<Remembered>> all;
  Remembered* slot = nullptr;
  {
    const std::scoped_lock lock(mutex);
    std::unique_ptr<Remembered>& entry = all[probe];
    if (entry == nullptr) entry = std::make_unique<Remembered>();
    slot = entry.get();
  }
  std::call_once(slot->once, [&] { slot->broken = probe(); });
  return slot->broken;
}

}  // namespace

LanePromise promise_of(const BackendEntry& entry) {
  const bool can_run = entry.unavailable_reason == nullptr || !entry.unavailable_reason();
  if (entry.broken_promise == nullptr || !can_run) return {entry.exactness, {}};
  const std::optional<std::string>& broken = found_by(entry.broken_promise);
  if (!broken) return {entry.exactness, {}};
  return {Exactness::decision_stable, *broken};
}

Exactness held_to(Exactness claim, const LanePromise& promise) {
  const bool defined = claim == Exactness::exact || claim == Exactness::oracle;
  return defined ? claim : promise.kept;
}

}  // namespace trinity::backend
