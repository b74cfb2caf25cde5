// Where spans go and in whose name, from a flag and from the environment as OpenTelemetry reads it.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "net/http.h"
#include "net/url.h"
#include "provider/pool_config.h"

namespace trinity::telemetry {

struct OtlpSettings {
  net::Url url;         // of the traces themselves
  net::Fields headers;  // keys, above all: they are sent and never shown
  Json resource;        // service.name and what else is said of who sends
  std::chrono::milliseconds timeout{10'000};
  std::vector<std::string> secrets;  // values of the headers that are long enough for keys
  std::vector<std::string> remarks;  // what of the environment is not followed
};

/// `flag` is what --otlp says. The first of these that is set names the collector:
///   --otlp                               /v1/traces is put behind it unless it ends so
///   OTEL_EXPORTER_OTLP_TRACES_ENDPOINT   as it is
///   OTEL_EXPORTER_OTLP_ENDPOINT          /v1/traces is put behind it
/// Without any nothing is sent; nor, unless the flag says otherwise, with OTEL_SDK_DISABLED=true or
/// OTEL_TRACES_EXPORTER=none. Errors: `invalid_url`, `invalid_otlp_headers`,
/// `invalid_otlp_timeout`.
Result<std::optional<OtlpSettings>> otlp_settings(const std::string& flag,
                                                  const provider::Environment& environment);

}  // namespace trinity::telemetry
