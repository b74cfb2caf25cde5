// Any bytes as a conversation with any roles, in every mode: ids of the text that is shown, or a
// refusal with a cause.
//
// The roles are free here (the chat_template target covers the known ones), so that role text meets
// the transcript, the template and the special tokens too.
#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "small_tokenizer.h"
#include "text/nfc.h"
#include "text/router_input.h"

namespace {

std::vector<trinity::Message> conversation(trinity::fuzz::Input& input) {
  static const std::vector<std::string> known = {"system", "user", "assistant", "tool",
                                                 "developer"};
  std::vector<trinity::Message> messages;
  while (!input.empty()) {
    const unsigned kind = input.byte();
    std::string role =
        kind % 2 == 0 ? known[kind / 2 % known.size()] : std::string(input.text(kind / 2 % 32));
    messages.push_back({std::move(role), std::string(input.text(input.byte()))});
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  const text::Tokenizer& tokenizer = fuzz::small_tokenizer();
  fuzz::Input input(data, size);
  const std::string dispatcher(input.text(input.byte() % 16));
  const std::vector<Message> messages = conversation(input);
  bool valid = true;
  bool known_roles = true;
  for (const Message& message : messages) {
    valid = valid && is_valid_utf8(message.role) && is_valid_utf8(message.content);
    known_roles = known_roles && (message.role == "system" || message.role == "user" ||
                                  message.role == "assistant" || message.role == "tool");
  }
  for (const InputMode mode : {InputMode::plain, InputMode::chat, InputMode::chat_raw})
    for (const text::SpecialTokens content :
         {text::SpecialTokens::plain, text::SpecialTokens::parse}) {
      const auto read = text::build_router_input(tokenizer, messages, {mode, content, dispatcher});
      if (!read) {
        const std::string& tag = read.error().tag;
        const bool dispatcher_valid = mode != InputMode::chat || is_valid_utf8(dispatcher);
        fuzz::require(
            (tag == "empty_transcript" && messages.empty()) ||
                (tag == "invalid_utf8" && !(valid && dispatcher_valid)) ||
                (tag == "unsupported_message_role" && !known_roles && mode == InputMode::chat_raw),
            "the refusal has a cause");
        fuzz::require(is_valid_utf8(read.error().message), "the message is valid UTF-8");
        continue;
      }
      fuzz::require(valid && !messages.empty(), "only valid conversations are read");
      fuzz::require(!read->ids.empty(), "a conversation has tokens");
      for (const std::int32_t id : read->ids)
        fuzz::require(id >= 0 && id < tokenizer.vocab_size(), "ids are in range");
      fuzz::require(is_valid_utf8(read->text), "the text is valid UTF-8");
      for (const Message& message : messages)
        fuzz::require(
            mode == InputMode::chat_raw ||
                read->text.find(message.role + ": " + message.content) != std::string::npos,
            "the transcript shows every message");
      const auto decoded = tokenizer.decode(read->ids);
      fuzz::require(decoded.has_value(), "the ids can be read back");
      if (content == text::SpecialTokens::plain && mode == InputMode::plain)
        fuzz::require(*decoded == text::nfc(read->text), "and give the normalised text");
    }
  return 0;
}
