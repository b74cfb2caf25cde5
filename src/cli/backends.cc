// trinity backends: the numeric backends of this build, what they promise, why one cannot run.
#include <fmt/format.h>
#include <unistd.h>

#include "backend_registry/lane_promise.h"
#include "backend_registry/registry.h"
#include "base/json_value.h"
#include "base/try.h"
#include "cli/commands.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct BackendsFlags {
  bool json = false;
};

struct Listed {
  const backend::BackendEntry* entry;
  backend::LanePromise promise;
  std::optional<std::string> reason;
  std::optional<backend::BackendInfo> info;  // of an instance; only a backend that can run has one
};

Result<Listed> look_at(const backend::BackendEntry& entry) {
  Listed listed{&entry, promise_of(entry), entry.unavailable_reason(), {}};
  if (!listed.reason) {
    TRINITY_TRY(const std::unique_ptr<backend::Backend> backend,
                backend::create_backend(entry.id, {}));
    listed.info = backend->info();
  }
  return listed;
}

Json record_of(const Listed& listed) {
  Json record = {{"id", listed.entry->id},
                 {"description", listed.entry->description},
                 {"available", !listed.reason.has_value()},
                 {"reason", nullptr},
                 {"exactness", backend::exactness_name(listed.promise.kept)},
                 {"claims", backend::exactness_name(listed.entry->exactness)},
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

report::Checklist::Item item_of(const Listed& listed) {
  const backend::BackendEntry& entry = *listed.entry;
  report::Checklist::Item item{
      listed.reason ? report::Look::warn : report::Look::good, entry.id, {}, {{entry.description}}};
  if (listed.reason) {
    item.below.push_back({"unavailable: " + *listed.reason, report::Look::warn});
    return item;
  }
  if (!listed.promise.broken.empty())
    item.below.push_back({fmt::format("not {} here: {}", backend::exactness_name(entry.exactness),
                                      listed.promise.broken),
                          report::Look::warn});
  item.below.push_back(
      {fmt::format("{}, {}, {}, label {}", backend::exactness_name(listed.promise.kept),
                   listed.info->device, listed.info->dtype_policy, listed.info->label)});
  return item;
}

Status print(const BackendsFlags& flags) {
  report::Checklist list{"Backends", {}, 0};
  Json records = Json::array();
  for (const backend::BackendEntry& entry : backend::backend_registry()) {
    TRINITY_TRY(const Listed listed, look_at(entry));
    if (flags.json)
      records.push_back(record_of(listed));
    else
      list.items.push_back(item_of(listed));
  }
  if (flags.json) return terminal::print(wire::json_line(Json{{"backends", records}}));
  return terminal::print(
      render_text(report::Section{{}, {}, {std::move(list)}}, terminal::style_for(STDOUT_FILENO)));
}

void declare(command_line::Command& command, BackendsFlags& flags) {
  command.json(flags.json, "one JSON object");
  command.notes("Example:\n  trinity backends");
}

}  // namespace

void add_backends(command_line::Command& commands) {
  add_command(commands, "backends", "List the numeric backends of this build", declare, print);
}

}  // namespace trinity::cli
