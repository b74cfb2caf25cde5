#include "flags/telemetry_flags.h"

#include <cstdlib>

#include "base/try.h"
#include "telemetry/request_spans.h"
#include "terminal/output.h"

namespace trinity::flags {

void add_otlp_flag(command_line::Command& command, std::string& otlp) {
  command
      .value("--otlp", otlp,
             "collector of OpenTelemetry to send spans to, such as http://127.0.0.1:4318 (without "
             "it: as OTEL_EXPORTER_OTLP_ENDPOINT says)")
      .takes("URL")
      .in("Output");
}

Result<std::optional<telemetry::OtlpSettings>> otlp_settings_of(const std::string& flag) {
  return telemetry::otlp_settings(flag, [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  });
}

std::shared_ptr<telemetry::Telemetry> open_telemetry(const telemetry::OtlpSettings& settings,
                                                     serve::Services& services) {
  for (const std::string& remark : settings.remarks) terminal::warn(remark);
  serve::Metrics::Counter& counter =
      services.metrics.counter("trinity_telemetry_spans_total",
                               "Spans for the collector, by what became of them.", {"result"});
  telemetry::SpanExporterOptions options;
  options.resource = settings.resource;
  options.deliver = telemetry::deliver_to(settings.url, settings.headers);
  options.timeout = settings.timeout;
  options.notice = [](const std::string& text) { terminal::warn(text); };
  options.count = [&counter](const char* result, std::size_t spans) {
    counter.add({result}, static_cast<double>(spans));
  };
  std::vector<std::string> secrets = services.redacted();
  secrets.insert(secrets.end(), settings.secrets.begin(), settings.secrets.end());
  terminal::note("spans go to " + settings.url.origin());
  return std::make_shared<telemetry::Telemetry>(std::move(options), std::move(secrets));
}

}  // namespace trinity::flags
