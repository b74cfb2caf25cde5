// What an export says while it runs: one event a line in export.log.jsonl, and to whoever listens.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/json_value.h"

namespace trinity::bundle {

/// An event's name and its fields, a JSON object.
using EventListener = std::function<void(const std::string& name, const Json& fields)>;

class ExportLog {
 public:
  /// Every event goes to `listener` (may be empty), and to the file when `open` is called.
  explicit ExportLog(EventListener listener) : listener_(std::move(listener)) {}

  /// Appends to <folder>/export.log.jsonl what was said so far and will be said; a run that changes
  /// nothing never opens it. Further calls do nothing.
  void open(const std::filesystem::path& folder);
  /// Adds `event` and `event_time_utc`. A log that cannot be written is reported once, as an event
  /// `log_write_failed` to the listener, and the export goes on.
  void write(const std::string& name, const Json& fields);

 private:
  void append(const std::string& line);
  void warn_once(const std::string& reason);

  EventListener listener_;
  std::filesystem::path path_;
  Descriptor descriptor_;
  std::vector<std::string> held_;  // lines from before the file was opened
  bool opened_ = false;
  bool warned_ = false;
};

}  // namespace trinity::bundle
