#include "bundle/export_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "bundle/manifest.h"

namespace trinity {

void ExportLog::warn_once(const std::string& reason) {
  if (warned_) return;
  warned_ = true;
  if (listener_) listener_("log_write_failed", {{"path", path_.string()}, {"reason", reason}});
}

void ExportLog::open(const std::filesystem::path& folder) {
  path_ = folder / kExportLogFile;
  descriptor_ = Descriptor(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!descriptor_.is_open()) warn_once(std::strerror(errno));
}

void ExportLog::write(const std::string& name, const Json& fields) {
  if (listener_) listener_(name, fields);
  if (!descriptor_.is_open()) return;
  Json line = {{"event", name}, {"event_time_utc", utc_now()}};
  line.update(fields);
  const std::string text = json_text(line) + "\n";
  // One write a line: lines of a killed run stay whole.
  if (::write(descriptor_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    warn_once(std::strerror(errno));
}

}  // namespace trinity
