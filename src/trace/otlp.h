// Spans as OTLP/JSON: the body of a POST to /v1/traces of an OpenTelemetry collector.
//
// The form is that of opentelemetry-proto 1.x in JSON with its own rules: ids are hexadecimal and
// not base64, numbers of 64 bits are texts, enumerations are numbers.
#pragma once

#include <span>
#include <string>

#include "trace/span.h"

namespace trinity::trace {

/// Who sends: attributes of the resource, service.name among them.
std::string otlp_json(const Json& resource, std::span<const Span> spans);

}  // namespace trinity::trace
