#include "trace/otlp.h"

#include <trinity/version.h>

#include "base/json_writer.h"

namespace trinity::trace {
namespace {

constexpr int kStatusError = 2;
constexpr int kFlagSampled = 1;

Json value_json(const Json& value) {
  if (value.is_boolean()) return {{"boolValue", value.as_bool()}};
  if (const auto integer = value.to_int64()) return {{"intValue", std::to_string(*integer)}};
  if (value.is_number()) return {{"doubleValue", value.as_double()}};
  if (!value.is_array()) return {{"stringValue", value.as_string()}};
  Json values = Json::array();
  for (const Json& one : value) values.push_back(value_json(one));
  return {{"arrayValue", {{"values", std::move(values)}}}};
}

/// What is null is not known and left out.
Json attributes_json(const Json& attributes) {
  Json out = Json::array();
  for (const auto& [name, value] : attributes.items())
    if (!value.is_null()) out.push_back({{"key", name}, {"value", value_json(value)}});
  return out;
}

Json span_json(const Span& span) {
  Json out = {{"traceId", hex_of(span.trace_id)}, {"spanId", hex_of(span.span_id)}};
  if (!span.state.empty()) out["traceState"] = span.state;
  if (span.parent != SpanId{}) out["parentSpanId"] = hex_of(span.parent);
  out["flags"] = kFlagSampled;
  out["name"] = span.name;
  out["kind"] = static_cast<int>(span.kind);
  out["startTimeUnixNano"] = std::to_string(span.begin_ns);
  out["endTimeUnixNano"] = std::to_string(span.end_ns);
  out["attributes"] = attributes_json(span.attributes);
  if (span.failed) out["status"] = {{"code", kStatusError}};
  return out;
}

}  // namespace

std::string otlp_json(const Json& resource, std::span<const Span> spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(span_json(span));
  Json scope = Json::object();
  scope["scope"] = {{"name", "trinity"}, {"version", TRINITY_VERSION}};
  scope["spans"] = std::move(list);
  Json one = Json::object();
  one["resource"] = {{"attributes", attributes_json(resource)}};
  one["scopeSpans"].push_back(std::move(scope));
  Json body = Json::object();
  body["resourceSpans"].push_back(std::move(one));
  std::string text;
  append_json(text, body);
  return text;
}

}  // namespace trinity::trace
