// Events of an export or an import, as commands print them.
#pragma once

#include <string>

#include "base/json_value.h"

namespace trinity::cli {

/// "name: key=value …", fit for a terminal.
std::string event_line(const std::string& name, const Json& fields);

/// A line of --json.
std::string event_record(const std::string& name, const Json& fields);

}  // namespace trinity::cli
