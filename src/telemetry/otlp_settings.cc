#include "telemetry/otlp_settings.h"

#include <trinity/version.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/printable.h"
#include "base/try.h"

namespace trinity::telemetry {
namespace {

constexpr const char* kPath = "/v1/traces";
constexpr std::size_t kLeastSecret = 8;  // bytes: "1" is no key, and would be taken out everywhere

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// "key=value,key2=value2", values percent-encoded; nothing where it is not of this form.
std::optional<std::vector<std::pair<std::string, std::string>>> pairs_of(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view one = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    pairs.emplace_back(trimmed(one.substr(0, equals)),
                       net::percent_decoded(trimmed(one.substr(equals + 1))));
  }
  return pairs;
}

/// What is set to nothing is not set.
class Variables {
 public:
  explicit Variables(const provider::Environment& environment) : environment_(environment) {}
  std::string get(const std::string& name) const {
    return std::string(trimmed(environment_(name).value_or("")));
  }
  /// OTEL_EXPORTER_OTLP_TRACES_x, else OTEL_EXPORTER_OTLP_x; `name` becomes the one that was set.
  std::string get_otlp(const char* what, std::string& name) const {
    name = std::string("OTEL_EXPORTER_OTLP_TRACES_") + what;
    std::string value = get(name);
    if (!value.empty()) return value;
    name = std::string("OTEL_EXPORTER_OTLP_") + what;
    return get(name);
  }

 private:
  const provider::Environment& environment_;
};

std::string with_path(std::string base) {
  if (base.ends_with(kPath)) return base;
  while (base.ends_with('/')) base.pop_back();
  return base + kPath;
}

/// Empty: nothing is to be sent.
std::string endpoint_of(const std::string& flag, const Variables& variables) {
  if (!flag.empty()) return with_path(flag);
  if (variables.get("OTEL_SDK_DISABLED") == "true" ||
      variables.get("OTEL_TRACES_EXPORTER") == "none")
    return {};
  std::string own = variables.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (!own.empty()) return own;
  const std::string base = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT");
  return base.empty() ? base : with_path(base);
}

Status read_headers(const Variables& variables, OtlpSettings& out) {
  std::string name;
  const auto pairs = pairs_of(variables.get_otlp("HEADERS", name));
  const auto wrong = [&name](const std::string& what) {
    return fail(ErrorKind::usage, "invalid_otlp_headers",
                name + ": " + what + "; write key=value,key2=value2, values percent-encoded");
  };
  if (!pairs) return wrong("a header has no =");
  for (const auto& [key, value] : *pairs) {
    if (!net::is_field_name(key) || !net::is_field_value(value))
      return wrong("'" + printable(key, 60) + "' is no header, or its value is none");
    out.headers.set(key, value);
    if (value.size() >= kLeastSecret) out.secrets.push_back(value);
  }
  return {};
}

Status read_timeout(const Variables& variables, OtlpSettings& out) {
  std::string name;
  const std::string text = variables.get_otlp("TIMEOUT", name);
  if (text.empty()) return {};
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size() || ms <= 0 || ms > 3'600'000)
    return fail(
        ErrorKind::usage, "invalid_otlp_timeout",
        name + ": '" + printable(text, 60) + "' is no number of milliseconds from 1 to 3600000");
  out.timeout = std::chrono::milliseconds(ms);
  return {};
}

void read_resource(const Variables& variables, OtlpSettings& out) {
  out.resource = {{"service.name", "trinity"}, {"service.version", TRINITY_VERSION}};
  if (const auto pairs = pairs_of(variables.get("OTEL_RESOURCE_ATTRIBUTES"))) {
    for (const auto& [key, value] : *pairs) out.resource[key] = value;
  } else {
    out.remarks.emplace_back("OTEL_RESOURCE_ATTRIBUTES is no list key=value,… and is not followed");
  }
  if (const std::string name = variables.get("OTEL_SERVICE_NAME"); !name.empty())
    out.resource["service.name"] = name;
}

}  // namespace

Result<std::optional<OtlpSettings>> otlp_settings(const std::string& flag,
                                                  const provider::Environment& environment) {
  const Variables variables(environment);
  const std::string endpoint = endpoint_of(flag, variables);
  if (endpoint.empty()) return std::optional<OtlpSettings>();
  OtlpSettings out;
  Result<net::Url> url = net::parse_url(endpoint);
  if (!url) return fail_in("the collector of spans", std::move(url.error()));
  out.url = std::move(*url);
  TRINITY_CHECK(read_headers(variables, out));
  TRINITY_CHECK(read_timeout(variables, out));
  read_resource(variables, out);
  std::string name;
  const std::string protocol = variables.get_otlp("PROTOCOL", name);
  if (!protocol.empty() && protocol != "http/json")
    out.remarks.push_back(name + " says " + printable(protocol, 40) +
                          ", but spans are sent as http/json, which every collector reads on its "
                          "port for HTTP");
  return std::optional<OtlpSettings>(std::move(out));
}

}  // namespace trinity::telemetry
