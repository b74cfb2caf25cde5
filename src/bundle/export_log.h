// What an export says while it runs: one event a line in export.log.jsonl, and to whoever listens.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <functional>
#include <string>

#include "base/descriptor.h"
#include "base/json_value.h"

namespace trinity {

/// An event's name and its fields, a JSON object.
using EventListener = std::function<void(const std::string& name, const Json& fields)>;

class ExportLog {
 public:
  /// Every event goes to `listener` (may be empty), and to the file once `open` was called.
  explicit ExportLog(EventListener listener) : listener_(std::move(listener)) {}

  /// Appends from now on to <folder>/export.log.jsonl.
  void open(const std::filesystem::path& folder);
  /// Adds `event` and `event_time_utc`. A log that cannot be written is reported once, as an event
  /// `log_write_failed` to the listener, and the export goes on.
  void write(const std::string& name, const Json& fields);

 private:
  void warn_once(const std::string& reason);

  EventListener listener_;
  std::filesystem::path path_;
  Descriptor descriptor_;
  bool warned_ = false;
};

}  // namespace trinity
