#include "cli/adapt/bundle_events.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/printable.h"
#include "wire/json_writer.h"

namespace trinity::cli {

std::string event_line(const std::string& name, const Json& fields) {
  std::string line = name + ":";
  for (const auto& [key, value] : fields.items())
    line += fmt::format(" {}={}", key,
                        printable(value.is_string() ? value.as_string() : json_text(value)));
  return line + "\n";
}

std::string event_record(const std::string& name, const Json& fields) {
  Json event = {{"event", name}};
  event.update(fields);
  return wire::json_line(event);
}

}  // namespace trinity::cli
