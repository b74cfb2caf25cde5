// Any bytes as a conversation: the template's frame is always intact, in ids as in text.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "small_tokenizer.h"
#include "text/router_input.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  const text::Tokenizer& tokenizer = fuzz::small_tokenizer();
  constexpr std::array<const char*, 4> roles = {"system", "user", "assistant", "tool"};
  fuzz::Input input(data, size);
  std::vector<Message> messages;
  bool valid = true;
  std::size_t turns = 0;  // tool messages side by side share one
  while (!input.empty()) {
    const unsigned kind = input.byte();
    Message message{roles[kind % roles.size()], std::string(input.text(input.byte()))};
    valid = valid && is_valid_utf8(message.content);
    if (message.role == "assistant" && kind & 4) {
      message.reasoning_content = std::string(input.text(input.byte()));
      valid = valid && is_valid_utf8(*message.reasoning_content);
    }
    if (message.role == "assistant" && kind & 8) {
      ToolCall call{std::string(input.text(input.byte())), std::string(input.text(input.byte()))};
      valid = valid && is_valid_utf8(call.name) && is_valid_utf8(call.arguments);
      message.tool_calls.push_back(std::move(call));
    }
    if (messages.empty() || message.role != "tool" || messages.back().role != "tool") ++turns;
    messages.push_back(std::move(message));
  }
  for (const InputMode mode : {InputMode::plain, InputMode::chat, InputMode::chat_raw}) {
    const auto parsed = text::build_router_input(tokenizer, messages,
                                                 {mode, text::SpecialTokens::parse, "Dispatch."});
    const auto plain = text::build_router_input(tokenizer, messages,
                                                {mode, text::SpecialTokens::plain, "Dispatch."});
    fuzz::require(parsed.has_value() == plain.has_value(), "policies accept the same input");
    if (!parsed) {
      const std::string& tag = parsed.error().tag;
      fuzz::require(
          (tag == "empty_transcript" && messages.empty()) || (tag == "invalid_utf8" && !valid),
          "the refusal has a cause");
      continue;
    }
    fuzz::require(parsed->text == plain->text, "the policy does not change the text");
    fuzz::require(parsed->ids == *tokenizer.encode(parsed->text, text::SpecialTokens::parse),
                  "parsed content equals the whole text parsed");
    if (mode == InputMode::plain) continue;
    const std::int32_t start = *tokenizer.added_token_id("<|im_start|>");
    const std::int32_t think_end = *tokenizer.added_token_id("</think>");
    const auto blocks =
        static_cast<std::size_t>(std::count(plain->ids.begin(), plain->ids.end(), start));
    fuzz::require(blocks == (mode == InputMode::chat ? 3 : turns + 1),
                  "plain content adds no block");
    fuzz::require(plain->ids[plain->ids.size() - 2] == think_end,
                  "the last token but one is </think>");
  }
  return 0;
}
