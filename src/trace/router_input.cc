#include "trace/router_input.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "wire/messages.h"

namespace trinity::trace {
namespace {

bool equal(const Message& a, const Message& b) {
  return a.role == b.role && a.content == b.content && a.reasoning_content == b.reasoning_content &&
         std::equal(a.tool_calls.begin(), a.tool_calls.end(), b.tool_calls.begin(),
                    b.tool_calls.end(), [](const ToolCall& x, const ToolCall& y) {
                      return x.name == y.name && x.arguments == y.arguments;
                    });
}

Json message_json(const Message& message) {
  Json out = {{"role", message.role}, {"content", message.content}};
  if (message.reasoning_content) out["reasoning_content"] = *message.reasoning_content;
  for (const ToolCall& call : message.tool_calls)
    out["tool_calls"].push_back({{"name", call.name}, {"arguments", call.arguments}});
  return out;
}

tl::unexpected<Error> invalid(const char* why) {
  return fail(ErrorKind::invalid_input, "invalid_router_input",
              std::string("what the router read is not recorded as it should be: ") + why +
                  "; the event was not written by this program, or was changed");
}

}  // namespace

Json RouterInputWriter::write(const RouterInput& input) {
  const std::vector<Message>& now = input.messages;
  const auto differ = std::mismatch(before_.begin(), before_.end(), now.begin(), now.end(), equal);
  const auto kept = static_cast<std::size_t>(differ.second - now.begin());
  Json messages = Json::array();
  for (std::size_t n = kept; n < now.size(); ++n) messages.push_back(message_json(now[n]));
  before_ = now;
  Json out = {{"kept", kept},
              {"messages", std::move(messages)},
              {"input_mode", input_mode_name(input.input_mode)},
              {"masked_roles", input.masked_roles}};
  if (input.needs) out["needs"] = *input.needs;
  return out;
}

Result<RouterInput> RouterInputReader::read(const Json& input) {
  std::vector<Message> messages = std::exchange(before_, {});
  const auto kept = input["kept"].to_uint64();
  if (!kept || !input["messages"].is_array()) return invalid("kept or messages is missing");
  if (*kept > messages.size())
    return fail(ErrorKind::invalid_input, "lost_router_input",
                "the turn goes on from one that the trace no longer holds; keep more files");
  messages.resize(static_cast<std::size_t>(*kept));
  for (const Json& one : input["messages"]) {
    TRINITY_TRY(Message message, wire::parse_message(json_text(one), messages.size() + 1));
    messages.push_back(std::move(message));
  }
  RouterInput out;
  TRINITY_TRY(out.input_mode, parse_input_mode(input["input_mode"].as_string()));
  for (const Json& role : input["masked_roles"]) {
    const auto id = role.to_int64();
    if (!id || *id < 0 || *id > 1000) return invalid("a masked role is no role");
    out.masked_roles.push_back(static_cast<int>(*id));
  }
  if (const Json* needs = input.find("needs")) {
    out.needs.emplace();
    for (const Json& need : *needs) out.needs->push_back(need.as_string());
  }
  before_ = messages;
  out.messages = std::move(messages);
  return out;
}

}  // namespace trinity::trace
