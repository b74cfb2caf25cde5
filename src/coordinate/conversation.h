// The messages that a loop works on: an ordered list that only grows.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::coordinate {

class Conversation {
 public:
  /// Roles that a message may have: system, user and assistant, and tool where whoever asked uses
  /// tools.
  enum class Roles { plain, with_tools };

  Conversation() = default;
  /// Error: `unsupported_message_role`.
  static Result<Conversation> start(std::vector<Message> messages, Roles roles = Roles::plain);

  const std::vector<Message>& messages() const { return messages_; }
  /// Error: `invalid_message`; the messages are then as they were.
  Status append(std::string_view role, std::string text);
  Status append_system(std::string text) { return append("system", std::move(text)); }
  Status append_user(std::string text) { return append("user", std::move(text)); }
  Status append_assistant(std::string text) { return append("assistant", std::move(text)); }

  /// The text of the last message of an assistant, if there is one.
  std::optional<std::string> last_answer() const;

 private:
  std::vector<Message> messages_;
  Roles roles_ = Roles::plain;
};

}  // namespace trinity::coordinate
