#include "trace/memory_sink.h"

namespace trinity::trace {

Status MemorySink::write(const Json& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
  return {};
}

std::vector<Json> MemorySink::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

}  // namespace trinity::trace
