#include "backend_registry/lane_promise.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace trinity::backend {
namespace {

using Probe = std::optional<std::string> (*)();

// Not std::call_once: an exception of the probe (no memory, say) would pass a frame of the C
// library.
struct Remembered {
  std::mutex mutex;
  bool ran = false;
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
  const std::scoped_lock lock(slot->mutex);
  if (!slot->ran) slot->broken = probe();
  slot->ran = true;
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
