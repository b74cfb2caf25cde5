// Events kept in memory: for tests, and for whoever shows a run while it goes on.
#pragma once

#include <mutex>
#include <vector>

#include "trace/trace.h"

namespace trinity::trace {

class MemorySink : public Sink {
 public:
  Status write(const Json& event) override;
  std::vector<Json> events() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Json> events_;
};

}  // namespace trinity::trace
