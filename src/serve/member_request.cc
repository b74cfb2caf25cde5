#include "serve/member_request.h"

#include <algorithm>
#include <utility>

#include "coordinate/roles.h"

namespace trinity::serve {
namespace {

using chat::Part;

chat::ChatMessage text_message(const std::string& role, const std::string& text) {
  chat::ChatMessage message;
  message.role = role;
  message.content.push_back({.kind = Part::Kind::text, .text = text});
  return message;
}

/// For those who use no tools themselves: a call is told, or else nobody could judge what came of
/// it, and a message without a text, which Anthropic's interface refuses, would be left.
std::string told(const Message& message) {
  std::string text = message.content;
  for (const ToolCall& call : message.tool_calls)
    text += (text.empty() ? "[calls the tool " : "\n[calls the tool ") + call.name + " with " +
            call.arguments + "]";
  return text;
}

std::string tool_line(const std::vector<chat::Tool>& tools) {
  std::string line = "\n\nThe Worker can use these tools: ";
  for (const chat::Tool& tool : tools) line += (&tool == &tools.front() ? "" : ", ") + tool.name;
  return line + ".";
}

}  // namespace

provider::MemberRequest request_of_turn(const provider::Pool& pool,
                                        const provider::PoolMember& member,
                                        const chat::ChatRequest& call, const AnswerForm& form,
                                        const std::vector<std::optional<int>>& makers,
                                        const coordinate::CallStep& step, bool author,
                                        bool streams) {
  provider::MemberRequest out;
  chat::ChatRequest& request = out.request;
  const bool works = coordinate::role_of(step.role_name) == coordinate::Role::worker;
  for (std::size_t n = 0; n < step.messages.size(); ++n) {
    const Message& message = step.messages[n];
    const bool is_clients = !author && n >= 1 && n - 1 < call.messages.size();
    if (is_clients && works) {
      request.messages.push_back(call.messages[n - 1]);
      keep_own_signatures(member.config.name, maker_of(pool, member, makers[n - 1]),
                          /*is_named=*/false, request.messages.back());
    } else {
      request.messages.push_back(text_message(message.role, told(message)));
    }
  }
  // Behind the role's prompt come the client's messages; the rest has been said in this run.
  if (step.messages.size() > call.messages.size() + 1)
    out.earlier_turns = step.messages.size() - call.messages.size() - 1;
  if (works) {
    request.tools = call.tools;
    request.tool_choice = call.tool_choice;
    form.order(form.order_for(member.config), request);
    request.sampling = call.sampling;
    request.dialect = call.dialect;
    request.extra = call.extra;
  } else if (!call.tools.empty() && !request.messages.empty()) {
    request.messages.front().content.front().text += tool_line(call.tools);
    for (chat::ChatMessage& message : request.messages)
      if (message.role == "tool") message.role = "user";  // members without tools refuse the role
  }
  provider::apply_sampling(pool.sampling_of(step.role_name), request.sampling);
  provider::apply_sampling(member.config.defaults, request.sampling);
  request.stream = streams;
  request.include_usage = streams;
  if (step.deadline) {
    // Rounded up: what is cut off at its deadline must find that the time is over.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        *step.deadline - std::chrono::steady_clock::now());
    out.deadline = std::max(left, std::chrono::milliseconds(1));
  }
  return out;
}

Maker maker_of(const provider::Pool& pool, const provider::PoolMember& member,
               const std::optional<int>& slot) {
  if (!slot) return Maker::unknown;
  return pool.at_slot(*slot) == &member ? Maker::this_member : Maker::another;
}

provider::MemberRequest direct_request(const chat::ChatRequest& call) {
  provider::MemberRequest out;
  out.request = call;
  out.request.include_usage = call.stream;  // asked for upstream, whatever the client wants
  return out;
}

}  // namespace trinity::serve
