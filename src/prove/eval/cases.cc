#include "prove/eval/cases.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "prove/built_in.h"
#include "prove/eval/case_text.h"
#include "wire/messages.h"

namespace trinity::prove {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr int kSchemaVersion = 1;

tl::unexpected<Error> invalid(const std::string& where, const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_eval_cases", where + ": " + what);
}

/// A message with a rule in place of its content.
Result<Message> read_generated(Json entry, std::size_t number) {
  if (entry.contains("content"))
    return fail(ErrorKind::invalid_input, "invalid_eval_cases",
                "a message must have a content or a content_rule, and not both");
  TRINITY_TRY(std::string text, generate_case_text(entry["content_rule"]));
  entry["content"] = std::move(text);
  entry.erase("content_rule");
  return wire::parse_message(json_text(entry), number);
}

/// A message, as a value and as its text.
Result<Message> read_case_message(const Json& entry, const wire::JsonSlice& text,
                                  std::size_t number, const std::string& where) {
  const bool generated = entry.is_object() && entry.contains("content_rule");
  auto message = generated ? read_generated(entry, number) : wire::read_message(text, number);
  if (!message) return invalid(where, message.error().message);
  return message;
}

/// A small integer that is not negative.
Result<int> read_id(const Json& object, const char* key, const std::string& where) {
  if (!object.contains(key) || !object[key].is_number_unsigned() || object[key].as_uint64() > 255)
    return invalid(where, std::string(key) + " must be a number from 0 to 255");
  return static_cast<int>(object[key].as_uint64());
}

Result<std::vector<std::string>> read_tags(const Json& entry, const std::string& where) {
  std::vector<std::string> tags;
  if (!entry.contains("tags")) return tags;
  if (!entry["tags"].is_array()) return invalid(where, "tags must be a list of texts");
  for (const Json& tag : entry["tags"]) {
    if (!tag.is_string()) return invalid(where, "tags must be a list of texts");
    tags.push_back(tag.as_string());
  }
  return tags;
}

Result<EvalCase> read_case(const Json& entry, const wire::JsonSlice& text, std::size_t index) {
  std::string where = "case " + std::to_string(index + 1);
  if (!entry.is_object() || !entry.contains("id") || !entry["id"].is_string() ||
      entry["id"].as_string().empty())
    return invalid(where, "a case must be an object with an id that is a text");
  EvalCase out;
  out.id = entry["id"].as_string();
  where = "case " + excerpt(out.id);
  if (!entry.contains("messages") || !entry["messages"].is_array() || entry["messages"].empty())
    return invalid(where, "messages must be a list of at least one message");
  const std::vector<wire::JsonSlice> texts = text.find("messages")->elements();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    TRINITY_TRY(Message message, read_case_message(entry["messages"][i], texts[i], i + 1, where));
    out.messages.push_back(std::move(message));
  }
  if (!entry.contains("expected") || !entry["expected"].is_object())
    return invalid(where, "expected must be an object with agent_id and role_id");
  TRINITY_TRY(out.expected_agent, read_id(entry["expected"], "agent_id", where));
  TRINITY_TRY(out.expected_role, read_id(entry["expected"], "role_id", where));
  TRINITY_TRY(out.tags, read_tags(entry, where));
  if (entry.contains("notes") && entry["notes"].is_string()) out.notes = entry["notes"].as_string();
  return out;
}

Result<std::vector<UncoveredAgent>> read_uncovered(const Json& document) {
  std::vector<UncoveredAgent> out;
  const Json& coverage = document["coverage"];
  if (!coverage.contains("uncovered_agents")) return out;
  const std::string where = "coverage.uncovered_agents";
  if (!coverage["uncovered_agents"].is_array()) return invalid(where, "must be a list");
  for (const Json& entry : coverage["uncovered_agents"]) {
    if (!entry.is_object()) return invalid(where, "an entry must be an object");
    UncoveredAgent agent;
    TRINITY_TRY(agent.agent_id, read_id(entry, "agent_id", where));
    if (entry.contains("expected_uncovered_reason") &&
        entry["expected_uncovered_reason"].is_string())
      agent.reason = entry["expected_uncovered_reason"].as_string();
    out.push_back(std::move(agent));
  }
  return out;
}

Result<EvalCaseSet> read_document(const Json& document, const wire::JsonSlice& text,
                                  std::string origin) {
  if (!document.is_object() || !document.contains("cases") || !document["cases"].is_array())
    return invalid("the document", "must be an object with a list of cases");
  if (document["schema_version"] != Json(kSchemaVersion))
    return fail(ErrorKind::unsupported, "unsupported_schema_version",
                "eval cases of schema version " + excerpt(json_text(document["schema_version"])) +
                    " cannot be read; this program reads version 1");
  EvalCaseSet set;
  set.origin = std::move(origin);
  std::set<std::string> ids;
  const std::vector<wire::JsonSlice> texts = text.find("cases")->elements();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    TRINITY_TRY(EvalCase one, read_case(document["cases"][i], texts[i], i));
    if (!ids.insert(one.id).second)
      return invalid("case " + excerpt(one.id), "the id is used twice");
    set.cases.push_back(std::move(one));
  }
  if (set.cases.empty()) return invalid("the document", "holds no case");
  TRINITY_TRY(set.uncovered_agents, read_uncovered(document));
  return set;
}

}  // namespace

Result<EvalCaseSet> read_eval_cases(std::string_view text, const std::string& origin) {
  // For what is cut inside a character: that has a name of its own.
  if (Status checked = wire::check_json(text).status; !checked)
    return fail_in(origin, std::move(checked.error()));
  auto document = parse_json(text);
  if (!document) return fail_in(origin, std::move(document.error()));
  auto set = read_document(*document, wire::JsonSlice::of_document(text), origin);
  if (!set) return fail_in(origin, std::move(set.error()));
  return set;
}

Result<EvalCaseSet> load_eval_cases(const std::filesystem::path& path) {
  TRINITY_TRY(const std::string text, read_text_file(path, kMaxBytes));
  return read_eval_cases(text, path.string());
}

Result<EvalCaseSet> built_in_eval_cases() {
  const auto text = built_in_lab_file("tiny_router.json");
  if (!text)
    return fail(ErrorKind::missing, "missing_eval_cases",
                "this build holds no eval cases of its own; name a file with --cases");
  return read_eval_cases(*text, "built in");
}

Result<EvalCaseSet> select_eval_cases(EvalCaseSet set, std::span<const std::string> ids) {
  if (ids.empty()) return set;
  for (const std::string& id : ids) {
    if (std::none_of(set.cases.begin(), set.cases.end(),
                     [&](const EvalCase& one) { return one.id == id; }))
      return fail(ErrorKind::usage, "unknown_case",
                  "there is no case \"" + excerpt(id) + "\" in " + set.origin +
                      "; --list-cases shows them");
  }
  std::erase_if(set.cases, [&](const EvalCase& one) {
    return std::find(ids.begin(), ids.end(), one.id) == ids.end();
  });
  return set;
}

std::string_view case_prompt(const EvalCase& eval_case) {
  for (auto message = eval_case.messages.rbegin(); message != eval_case.messages.rend(); ++message)
    if (message->role == "user") return message->content;
  return eval_case.messages.empty() ? std::string_view() : eval_case.messages.back().content;
}

}  // namespace trinity::prove
