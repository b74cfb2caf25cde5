// Spans of a server: where they go, as flag and environment say, and the sending.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command_line/command_line.h"
#include "serve/services.h"
#include "telemetry/otlp_settings.h"

namespace trinity::flags {

/// --otlp
void add_otlp_flag(command_line::Command& command, std::string& otlp);

/// Errors: those of telemetry::otlp_settings.
Result<std::optional<telemetry::OtlpSettings>> otlp_settings_of(const std::string& flag);

/// Counts in the metrics of `services`, which must outlive it.
std::shared_ptr<telemetry::Telemetry> open_telemetry(const telemetry::OtlpSettings& settings,
                                                     serve::Services& services);

}  // namespace trinity::flags
