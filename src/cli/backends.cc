// trinity backends: the numeric backends of this build, what they promise, why one cannot run.
#include <fmt/format.h>
#include <unistd.h>

#include "backend_registry/lane_promise.h"
#include "backend_registry/registry.h"
#include "base/json_value.h"
#include "base/try.h"
#include "cli/commands.h"
#include "terminal/output.h"
#include "terminal/paragraph.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct BackendsFlags {
  bool json = false;
};

struct Listed {
  const BackendEntry* entry;
  LanePromise promise;
  std::optional<std::string> reason;
  std::optional<BackendInfo> info;  // of an instance; only a backend that can run has one
};

Result<Listed> look_at(const BackendEntry& entry) {
  Listed listed{&entry, promise_of(entry), entry.unavailable_reason(), {}};
  if (!listed.reason) {
    TRINITY_TRY(const std::unique_ptr<Backend> backend, create_backend(entry.id, {}));
    listed.info = backend->info();
  }
  return listed;
}

Json record_of(const Listed& listed) {
  Json record = {{"id", listed.entry->id},
                 {"description", listed.entry->description},
                 {"available", !listed.reason.has_value()},
                 {"reason", nullptr},
                 {"exactness", exactness_name(listed.promise.kept)},
                 {"claims", exactness_name(listed.entry->exactness)},
                 {"broken_promise", nullptr}};
  if (!listed.promise.broken.empty()) record["broken_promise"] = listed.promise.broken;
  if (listed.reason) record["reason"] = *listed.reason;
  if (listed.info) {
    record["label"] = listed.info->label;
    record["device"] = listed.info->device;
    record["dtype_policy"] = listed.info->dtype_policy;
    record["fused"] = listed.info->fused;
  }
  return record;
}

std::string text_of(const Listed& listed, Style style) {
  constexpr std::size_t indent = 6;
  const auto detail = [&](const std::string& text, Look look = nullptr) {
    return paragraph({{text, look}}, style, indent, indent);
  };
  std::string out = fmt::format("  {} {}\n", listed.reason ? style.yellow("–") : style.green("✓"),
                                style.bold(printable(listed.entry->id))) +
                    detail(listed.entry->description);
  if (listed.reason) return out + detail("unavailable: " + *listed.reason, &Style::yellow);
  if (!listed.promise.broken.empty())
    out += detail(fmt::format("not {} here: {}", exactness_name(listed.entry->exactness),
                              listed.promise.broken),
                  &Style::yellow);
  return out +
         detail(fmt::format("{}, {}, {}, label {}", exactness_name(listed.promise.kept),
                            listed.info->device, listed.info->dtype_policy, listed.info->label));
}

Status print(const BackendsFlags& flags) {
  Output output;
  const Style style = Style::for_output(STDOUT_FILENO);
  Json records = Json::array();
  for (const BackendEntry& entry : backend_registry()) {
    TRINITY_TRY(const Listed listed, look_at(entry));
    if (flags.json) {
      records.push_back(record_of(listed));
    } else {
      TRINITY_CHECK(output.write(text_of(listed, style)));
    }
  }
  if (flags.json) TRINITY_CHECK(output.write(wire::json_line(Json{{"backends", records}})));
  return output.flush();
}

void declare(Command& command, BackendsFlags& flags) {
  command.json(flags.json, "one JSON object");
  command.notes("Example:\n  trinity backends");
}

}  // namespace

void add_backends(Command& commands) {
  add_command(commands, "backends", "List the numeric backends of this build", declare, print);
}

}  // namespace trinity::cli
