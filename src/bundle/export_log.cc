#include "bundle/export_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/json.h"
#include "bundle/manifest.h"

namespace trinity::bundle {

void ExportLog::warn_once(const std::string& reason) {
  if (warned_) return;
  warned_ = true;
  if (listener_) listener_("log_write_failed", {{"path", path_.string()}, {"reason", reason}});
}

void ExportLog::open(const std::filesystem::path& folder) {
  if (std::exchange(opened_, true)) return;
  path_ = folder / kExportLogFile;
  // O_NONBLOCK: a pipe of that name must not make the export wait for a reader.
  descriptor_ = Descriptor(::open(
      path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  if (!descriptor_.is_open()) warn_once(std::strerror(errno));
  for (const std::string& line : std::exchange(held_, {})) append(line);
}

void ExportLog::write(const std::string& name, const Json& fields) {
  if (listener_) listener_(name, fields);
  Json line = {{"schema_version", 1}, {"event", name}, {"event_time_utc", utc_now()}};
  line.update(fields);
  if (opened_)
    append(json_text(line) + "\n");
  else
    held_.push_back(json_text(line) + "\n");
}

void ExportLog::append(const std::string& line) {
  if (!descriptor_.is_open()) return;
  // One write a line: lines of a killed run stay whole.
  const ssize_t count = ::write(descriptor_.get(), line.data(), line.size());
  if (count < 0)
    warn_once(std::strerror(errno));
  else if (static_cast<std::size_t>(count) != line.size())
    warn_once("the disk took a part of a line only");
}

}  // namespace trinity::bundle
