// trinity pool: what a pool is made of, and whether its members can be asked.
#include <fmt/format.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/try.h"
#include "cli/commands.h"
#include "flags/pool_flags.h"
#include "net/http_client.h"
#include "provider/pool_check.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct PoolCommandFlags {
  flags::PoolFlags pool;
  std::int64_t slots = 7;
  double timeout = 10;  // seconds
  bool json = false;
};

Status print(const Json& record, const report::Document& document, bool json) {
  return terminal::print(json ? wire::json_line(record)
                              : render_text(document, terminal::style_for(STDOUT_FILENO)));
}

// ---- check --------------------------------------------------------------------------------------

Result<int> check(const PoolCommandFlags& flags) {
  TRINITY_TRY(const provider::PoolConfig config, flags::load_pool_config(flags.pool));
  net::HttpClient client;
  provider::PoolCheckOptions options;
  options.num_agents = flags.slots;
  options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(flags.timeout * 1000));
  TRINITY_TRY(const provider::PoolCheck found, provider::check_pool(config, client, options));
  Status verdict;
  if (!found.ok())
    verdict = fail(ErrorKind::failed, "pool_check_failed",
                   fmt::format("not every member of {} can be asked; mend what the check names",
                               flags::describe_pool(flags.pool)));
  return terminal::conclude(verdict, {print(provider::pool_check_json(found),
                                            provider::pool_check_document(found), flags.json)});
}

// ---- list ---------------------------------------------------------------------------------------

std::string where_of(const provider::MemberConfig& member) {
  return member.kind == provider::MemberKind::demo || member.kind == provider::MemberKind::scripted
             ? "in this program"
             : member.url.origin();
}

Json price_json(const std::optional<provider::Price>& price) {
  if (!price) return {};
  const auto usd = [](std::int64_t micro) { return static_cast<double>(micro) / 1e6; };
  std::optional<double> cached;
  if (price->cached_input) cached = usd(*price->cached_input);
  return {{"input", usd(price->input)}, {"output", usd(price->output)}, {"cached_input", cached}};
}

Json list_json(const provider::PoolConfig& pool, const std::vector<std::string>& slots) {
  Json members = Json::array();
  for (const provider::MemberConfig& member : pool.members)
    members.push_back({{"name", member.name},
                       {"kind", provider::member_kind_name(member.kind)},
                       {"model", member.model},
                       {"where", where_of(member)},
                       {"key", member.key_source.empty() ? Json() : Json(member.key_source)},
                       {"context", member.context},
                       {"price_usd_per_million", price_json(member.price)}});
  Json table = Json::array();
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    const provider::MemberConfig* member = pool.find(slots[slot]);
    table.push_back({{"slot", slot},
                     {"member", slots[slot]},
                     {"model", member == nullptr ? "" : member->model}});
  }
  return {{"source", pool.source}, {"members", members}, {"slots", table}};
}

std::string price_text(const std::optional<provider::Price>& price) {
  if (!price) return "unknown";
  if (price->input == 0 && price->output == 0) return "free";
  return fmt::format("{:.2f} / {:.2f}", static_cast<double>(price->input) / 1e6,
                     static_cast<double>(price->output) / 1e6);
}

report::Document list_document(const provider::PoolConfig& pool,
                               const std::vector<std::string>& slots) {
  report::Table table{"Slots",
                      {{"slot", 4, true},
                       {"member", 16, false, 8},
                       {"model", 26, false, 10},
                       {"kind", 9, false, 0, 1},
                       {"where", 28, false, 12, 3},
                       {"USD/M in / out", 14, true, 0, 2}},
                      {}};
  const auto add = [&table](const std::string& slot, const provider::MemberConfig& member) {
    table.rows.push_back(
        {{report::Text{slot}, report::foreign(member.name, 60, report::Look::accent),
          report::foreign(member.model, 80), report::Text{member_kind_name(member.kind)},
          report::foreign(where_of(member), 100), report::Text{price_text(member.price)}}});
  };
  for (std::size_t slot = 0; slot < slots.size(); ++slot)
    if (const provider::MemberConfig* member = pool.find(slots[slot]))
      add(std::to_string(slot), *member);
  for (const provider::MemberConfig& member : pool.members)
    if (std::find(slots.begin(), slots.end(), member.name) == slots.end()) add("–", member);
  report::Document document;
  document.title = "Pool";
  document.sections = {
      {{{"Slots of " + printable(pool.source == "demo" ? "the demo pool" : pool.source, 200)}},
       {},
       {std::move(table)}},
      {{},
       {},
       {report::Paragraph{{{"The router chooses a slot by its number; the pool says which member "
                            "answers for it. `trinity pool check` asks whether each can be "
                            "reached."}}}}}};
  return document;
}

Result<int> list(const PoolCommandFlags& flags) {
  TRINITY_TRY(const provider::PoolConfig pool, flags::read_pool_config(flags.pool));
  TRINITY_TRY(const std::vector<std::string> slots, provider::slot_table(pool, flags.slots));
  TRINITY_CHECK(print(list_json(pool, slots), list_document(pool, slots), flags.json));
  return 0;
}

// ---- the commands -------------------------------------------------------------------------------

void declare_shared(command_line::Command& command, PoolCommandFlags& flags) {
  flags::add_pool_flag(command, flags.pool);
  command
      .value("--slots", flags.slots,
             "slots of the head; every one needs a member (the published head and the tiny router "
             "have seven)")
      .takes("N")
      .range(1, 10'000)
      .shows_default()
      .in("Pool");
}

void declare_check(command_line::Command& command, PoolCommandFlags& flags) {
  declare_shared(command, flags);
  command.value("--timeout", flags.timeout, "seconds to wait for a member; all are asked at once")
      .takes("S")
      .range(0.1, 3600)
      .shows_default();
  command.json(flags.json, "one JSON object");
  command.notes(
      "Each member behind a URL is asked for its list of models, which costs nothing: whether it\n"
      "answers, takes the key, has the model, and how long a context it serves. Exit status 1\n"
      "when one cannot be asked.\n\n"
      "Example:\n  trinity pool check --pool pool.toml");
}

void declare_list(command_line::Command& command, PoolCommandFlags& flags) {
  declare_shared(command, flags);
  command.json(flags.json, "one JSON object");
  command.notes(
      "Nobody is asked, and keys are not looked for.\n\n"
      "Example:\n  trinity pool list --pool pool.toml");
}

}  // namespace

void add_pool(command_line::Command& commands) {
  commands.add("pool", "Look at a pool of models: its slots, and whether its members answer",
               [](command_line::Command& pool) {
                 pool.notes("Example:\n  trinity pool list\n  trinity pool check --pool pool.toml");
                 add_command(pool, "list", "Which member, and so which model, each slot stands for",
                             declare_list, list);
                 add_command(pool, "check", "Ask every member whether it can be asked",
                             declare_check, check);
               });
}

}  // namespace trinity::cli
