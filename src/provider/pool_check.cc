#include "provider/pool_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "base/json.h"
#include "base/printable.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "provider/failure.h"
#include "provider/http_member.h"
#include "provider/upstream_dialect.h"

namespace trinity::provider {
namespace {

using State = MemberCheck::State;
using std::chrono::milliseconds;

constexpr std::size_t kListedModels = 5;

bool is_remote(const MemberConfig& member) {
  return member.kind != MemberKind::demo && member.kind != MemberKind::scripted;
}

std::string tokens_text(std::int64_t tokens) { return fmt::format("{}", tokens); }

/// Names of the models that an answer lists.
std::vector<std::string> names_of(const Json& answer) {
  std::vector<std::string> names;
  for (const char* list : {"data", "models"})
    for (const Json& model : answer[list])
      for (const char* key : {"id", "name"})
        if (model[key].is_string()) {
          // llama.cpp lists its models in both.
          if (std::find(names.begin(), names.end(), model[key].as_string()) == names.end())
            names.push_back(model[key].as_string());
          break;
        }
  return names;
}

void note_context(const MemberConfig& member, MemberCheck& check) {
  if (!check.context_learnt) {
    if (!member.context)
      check.findings.push_back(
          {State::warn,
           "its context length is not known: write context = ... so that conversations "
           "that are too long are not sent"});
    return;
  }
  if (member.context && *member.context > *check.context_learnt)
    check.findings.push_back(
        {State::warn, fmt::format("the pool file says context = {}, the server serves {}",
                                  *member.context, *check.context_learnt)});
}

void note_answer(const MemberConfig& member, const net::HttpResponse& response,
                 MemberCheck& check) {
  Upstream upstream{member.name, member.model, member.url.origin(), {}};
  if (!member.key.empty()) upstream.secrets.push_back(member.key);
  for (const auto& [name, secret] : member.secret_headers) upstream.secrets.push_back(secret);
  check.reachable = true;
  // Gemini is asked for the one model, and says of itself that it has not found it.
  const Result<Json> said = parse_json(response.body);
  if (response.status == 404 && said && (*said)["error"]["status"].as_string() == "NOT_FOUND") {
    check.key_accepted = true;
    check.has_model = false;
    check.findings.push_back({State::bad, fmt::format("it has no model {}", member.model)});
    return;
  }
  if (response.status == 404 || response.status == 405 || response.status == 501) {
    // A server may well answer chats and list nothing.
    check.findings.push_back({State::warn,
                              "it lists no models, so nothing is known of key and "
                              "model before the first call"});
    note_context(member, check);
    return;
  }
  if (response.status != 200) {
    const Failure failure = http_failure(upstream, response.status, response.fields, response.body);
    if (failure.failure == FailureClass::credential) check.key_accepted = false;
    check.findings.push_back({State::bad, failure.error.message});
    return;
  }
  check.key_accepted = true;
  if (!said) {
    check.findings.push_back({State::warn, "its list of models is no JSON"});
    return;
  }
  const Json* model = find_model(*said, member.model);
  check.has_model = model != nullptr;
  if (!model) {
    std::vector<std::string> names = names_of(*said);
    const std::size_t count = names.size();
    if (count > kListedModels) names.resize(kListedModels);
    for (std::string& name : names) name = printable(name, 60);
    check.findings.push_back(
        {State::bad,
         fmt::format("it has no model {}; it has {}{}", member.model,
                     count == 0 ? "none" : fmt::format("{}", fmt::join(names, ", ")),
                     count > kListedModels ? fmt::format(" and {} more", count - kListedModels)
                                           : std::string())});
    return;
  }
  check.context_learnt = context_of_model(*model);
  note_context(member, check);
}

MemberCheck begun(const MemberConfig& member) {
  MemberCheck check;
  check.name = printable(member.name, 60);
  check.kind = member_kind_name(member.kind);
  check.model = printable(member.model, 100);
  check.where = is_remote(member) ? member.url.origin() : "in this program";
  check.context_configured = member.context;
  check.price_known = member.price.has_value();
  return check;
}

void note_settings(const MemberConfig& member, MemberCheck& check) {
  const bool has_secret = !member.key.empty() || !member.secret_headers.empty();
  if (has_secret && member.url.scheme == "http" && !member.url.is_loopback())
    check.findings.push_back({State::warn, "its key travels unencrypted: use https"});
  if (!member.price && !member.url.is_loopback())
    check.findings.push_back({State::warn,
                              "its price is not known, so budgets of money cannot "
                              "count it: write price = { input = ..., output = ... }"});
}

std::string yes_no(const std::optional<bool>& value) {
  return !value ? "–" : *value ? "yes" : "no";
}

report::Look look_of(State state) {
  return state == State::good   ? report::Look::good
         : state == State::warn ? report::Look::warn
                                : report::Look::bad;
}

report::Cell answer_cell(const std::optional<bool>& value) {
  return {yes_no(value), !value   ? report::Look::faint
                         : *value ? report::Look::good
                                  : report::Look::bad};
}

}  // namespace

std::optional<std::int64_t> context_of_model(const Json& model) {
  const auto positive = [](const Json& value) -> std::optional<std::int64_t> {
    const auto number = value.to_int64();
    return number && *number > 0 ? number : std::nullopt;
  };
  if (const auto n = positive(model["max_model_len"])) return n;
  if (const auto n = positive(model["meta"]["n_ctx"])) return n;
  for (const char* key : {"context_length", "context_window", "max_context_length",
                          "max_input_tokens", "inputTokenLimit", "max_seq_len"})
    if (const auto n = positive(model[key])) return n;
  return positive(model["meta"]["n_ctx_train"]);
}

const Json* find_model(const Json& answer, std::string_view model) {
  const auto is = [&](const Json& entry) {
    for (const char* key : {"id", "name", "model"})
      if (entry[key].is_string() && (entry[key].as_string() == model ||
                                     entry[key].as_string() == fmt::format("models/{}", model)))
        return true;
    for (const Json& alias : entry["aliases"])
      if (alias.is_string() && alias.as_string() == model) return true;
    return false;
  };
  if (is(answer)) return &answer;
  // llama.cpp lists the same models twice, with different facts; the list of its own has fewer.
  for (const char* list : {"data", "models"})
    if (const Json* models = answer.find(list))
      for (const Json& entry : *models)
        if (is(entry)) return &entry;
  return nullptr;
}

State MemberCheck::state() const {
  State worst = State::good;
  for (const Finding& finding : findings)
    if (static_cast<int>(finding.state) > static_cast<int>(worst)) worst = finding.state;
  return worst;
}

bool PoolCheck::ok() const {
  return std::none_of(members.begin(), members.end(),
                      [](const MemberCheck& member) { return member.state() == State::bad; });
}

Result<PoolCheck> check_pool(const PoolConfig& config, net::HttpClient& client,
                             const PoolCheckOptions& options) {
  PoolCheck check;
  check.source = config.source;
  if (options.num_agents > 0) {
    TRINITY_TRY(check.slots, slot_table(config, options.num_agents));
  }
  struct Asked {
    std::future<std::pair<Result<net::HttpResponse>, milliseconds>> answer;
  };
  std::vector<Asked> asked(config.members.size());
  for (std::size_t i = 0; i < config.members.size(); ++i) {
    const MemberConfig& member = config.members[i];
    if (!is_remote(member)) continue;
    Result<net::Url> url = net::parse_url(upstream_dialect(member.kind).models_target(member));
    if (!url) continue;
    net::OutgoingRequest request;
    request.url = std::move(*url);
    request.method = "GET";
    request.fields = request_fields(member);
    request.fields.remove("content-type");
    request.connect_deadline = std::min(member.connect_timeout, options.timeout);
    request.total_deadline = options.timeout;
    // Waiting is all that these threads do.
    asked[i].answer = std::async(std::launch::async, [&client, request = std::move(request)] {
      const auto begin = std::chrono::steady_clock::now();
      auto response = client.fetch(request);
      return std::pair(std::move(response), std::chrono::duration_cast<milliseconds>(
                                                std::chrono::steady_clock::now() - begin));
    });
  }
  for (std::size_t i = 0; i < config.members.size(); ++i) {
    const MemberConfig& member = config.members[i];
    MemberCheck one = begun(member);
    if (is_remote(member)) note_settings(member, one);
    if (asked[i].answer.valid()) {
      auto [response, took] = asked[i].answer.get();
      one.took = took;
      if (response) {
        note_answer(member, *response, one);
      } else {
        one.reachable = false;
        one.findings.push_back({State::bad, fit_to_show(response.error().message, {member.key})});
      }
    }
    check.members.push_back(std::move(one));
  }
  return check;
}

report::Document pool_check_document(const PoolCheck& check) {
  report::Table members{"Members",
                        {{"member", 16, false, 8},
                         {"kind", 10},
                         {"model", 24, false, 10},
                         {"where", 30, false, 14, 1},
                         {"answers", 8},
                         {"key", 5},
                         {"has model", 10},
                         {"context", 9, true},
                         {"price", 8}},
                        {}};
  for (const MemberCheck& one : check.members) {
    const std::optional<std::int64_t> context =
        one.context_configured ? one.context_configured : one.context_learnt;
    const bool local = !one.reachable && one.where == "in this program";
    report::Row row{
        {report::Cell(report::foreign(one.name)), one.kind,
         report::Cell(report::foreign(one.model)), report::Cell(report::foreign(one.where)),
         local ? report::Cell("yes", report::Look::good) : answer_cell(one.reachable),
         answer_cell(one.key_accepted), answer_cell(one.has_model),
         context ? tokens_text(*context) : std::string("–"),
         report::Cell(one.price_known ? "known" : "unknown",
                      one.price_known ? report::Look::plain : report::Look::faint)},
        look_of(one.state())};
    members.rows.push_back(std::move(row));
  }
  report::Document document;
  document.title = "Pool check";
  document.sections.push_back(
      {{{"Members of " + printable(check.source, 200)}}, {}, {std::move(members)}});

  report::Checklist findings{"Findings", {}};
  for (const MemberCheck& one : check.members)
    for (const MemberCheck::Finding& finding : one.findings)
      findings.items.push_back(
          {look_of(finding.state), one.name, {report::foreign(finding.text, 600)}});
  if (!findings.items.empty())
    document.sections.push_back({{{"What to look at"}}, {}, {std::move(findings)}});

  if (!check.slots.empty()) {
    report::Table slots{
        "Slots", {{"slot", 6, true}, {"member", 20, false, 8}, {"model", 40, false, 10}}, {}};
    for (std::size_t slot = 0; slot < check.slots.size(); ++slot) {
      const auto member = std::find_if(
          check.members.begin(), check.members.end(),
          [&](const MemberCheck& one) { return one.name == printable(check.slots[slot], 60); });
      slots.rows.push_back(
          {{report::count(slot), report::Cell(report::foreign(check.slots[slot])),
            report::Cell(report::foreign(member == check.members.end() ? "" : member->model))}});
    }
    document.sections.push_back({{{"Slots of the head"}}, {}, {std::move(slots)}});
  }
  const auto bad = std::count_if(check.members.begin(), check.members.end(),
                                 [](const MemberCheck& one) { return one.state() == State::bad; });
  document.verdict =
      bad == 0 ? report::Text{"every member can be asked", report::Look::good}
               : report::Text{fmt::format("{} cannot be asked",
                                          report::counted(static_cast<std::size_t>(bad), "member")),
                              report::Look::bad};
  return document;
}

Json pool_check_json(const PoolCheck& check) {
  Json members = Json::array();
  for (const MemberCheck& one : check.members) {
    Json findings = Json::array();
    for (const MemberCheck::Finding& finding : one.findings)
      findings.push_back({{"severity", finding.state == State::bad ? "error" : "warning"},
                          {"message", finding.text}});
    members.push_back({{"name", one.name},
                       {"kind", one.kind},
                       {"model", one.model},
                       {"where", one.where},
                       {"reachable", one.reachable},
                       {"key_accepted", one.key_accepted},
                       {"has_model", one.has_model},
                       {"context_configured", one.context_configured},
                       {"context_learnt", one.context_learnt},
                       {"price_known", one.price_known},
                       {"took_ms", static_cast<std::int64_t>(one.took.count())},
                       {"findings", findings}});
  }
  Json slots = Json::array();
  for (std::size_t slot = 0; slot < check.slots.size(); ++slot) {
    const auto member = std::find_if(
        check.members.begin(), check.members.end(),
        [&](const MemberCheck& one) { return one.name == printable(check.slots[slot], 60); });
    slots.push_back({{"slot", slot},
                     {"member", check.slots[slot]},
                     {"model", member == check.members.end() ? "" : member->model}});
  }
  return {{"schema_version", 1},
          {"source", check.source},
          {"ok", check.ok()},
          {"members", members},
          {"slots", slots}};
}

}  // namespace trinity::provider
