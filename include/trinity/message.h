// One entry of a conversation, as every part of the program passes it.
//
// Most messages are a role and a content: `Message{"user", "Is 1009 prime?"}`. What an assistant
// thought and which tools it called are fields of their own, because the chat template writes them
// in its own words; the plain transcript shows them too.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace trinity {

/// A call of a tool that an assistant asks for.
struct ToolCall {
  std::string name;
  std::string arguments;  // the JSON text that the model reads, usually an object
};

struct Message {
  std::string role;     // "system", "user", "assistant", "tool", or any other text in plain mode
  std::string content;  // UTF-8
  /// What an assistant thought before it wrote `content`. Without it, a chat template looks for
  /// thoughts between <think> and </think> in `content`.
  std::optional<std::string> reasoning_content = {};
  std::vector<ToolCall> tool_calls = {};  // of an assistant, behind its content
};

}  // namespace trinity
