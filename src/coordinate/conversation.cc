#include "coordinate/conversation.h"

#include "base/utf8.h"

namespace trinity::coordinate {
namespace {

bool is_allowed(std::string_view role, Conversation::Roles roles) {
  return role == "system" || role == "user" || role == "assistant" ||
         (role == "tool" && roles == Conversation::Roles::with_tools);
}

const char* names(Conversation::Roles roles) {
  return roles == Conversation::Roles::plain ? "system, user or assistant"
                                             : "system, user, assistant or tool";
}

}  // namespace

Result<Conversation> Conversation::start(std::vector<Message> messages, Roles roles) {
  for (const Message& message : messages)
    if (!is_allowed(message.role, roles))
      return fail(ErrorKind::invalid_input, "unsupported_message_role",
                  "unsupported message role '" + excerpt(message.role) + "'; use " + names(roles));
  Conversation conversation;
  conversation.messages_ = std::move(messages);
  conversation.roles_ = roles;
  return conversation;
}

Status Conversation::append(std::string_view role, std::string text) {
  if (!is_allowed(role, roles_))
    return fail(ErrorKind::invalid_input, "invalid_message",
                "a message with the role '" + excerpt(role) +
                    "' does not belong to a conversation; use " + names(roles_));
  messages_.push_back({std::string(role), std::move(text)});
  return {};
}

std::optional<std::string> Conversation::last_answer() const {
  for (auto message = messages_.rbegin(); message != messages_.rend(); ++message)
    if (message->role == "assistant") return message->content;
  return std::nullopt;
}

}  // namespace trinity::coordinate
