#include "coordinate/author_messages.h"

#include "coordinate/words.h"
#include "text/transcript.h"

namespace trinity::coordinate {
namespace {

std::string in_tag(const std::string& tag, const std::string& text) {
  return "<" + tag + ">\n" + text + "\n</" + tag + ">";
}

}  // namespace

AuthorMessages::AuthorMessages(const RolePrompts& prompts, std::span<const Message> conversation,
                               int num_agents)
    : prompts_(prompts),
      task_(conversation.size() == 1 ? conversation.front().content
                                     : text::plain_transcript(conversation)),
      dispatcher_(
          replaced(prompts.text("author_dispatcher"), "{agents}", std::to_string(num_agents))) {}

std::string AuthorMessages::shared() const {
  std::string text = task_ + "\n\n" + prompts_.text("author_collaboration");
  for (std::size_t i = 0; i < thoughts_.size(); ++i)
    text += "\n\n" + in_tag("reference_thought_" + std::to_string(i + 1), thoughts_[i]);
  return text;
}

std::vector<Message> AuthorMessages::for_router() const {
  return {{"system", dispatcher_}, {"user", shared()}};
}

std::vector<Message> AuthorMessages::for_member(
    Role role, const std::optional<std::string>& response,
    const std::optional<std::string>& suggestion) const {
  switch (role) {
    case Role::thinker:
      return {{"system", prompts_.text("author_thinker")},
              {"user", shared() + (response ? "\n\n" + in_tag("info", *response) : "")}};
    case Role::verifier:
      return {
          {"system", prompts_.text("author_verifier")},
          {"user", in_tag("query", task_) + "\n\n" + in_tag("response", response.value_or(""))}};
    case Role::worker:
      return {{"system", prompts_.text("author_worker")},
              {"user", shared() + (suggestion ? "\n\n" + in_tag("suggestion", *suggestion) : "")}};
    case Role::unknown:
      break;
  }
  return {{"system", prompts_.text("assistant")}, {"user", shared()}};
}

void AuthorMessages::add_thought(const std::string& reply) {
  thoughts_.push_back(tagged(reply, "idea").value_or(std::string(trimmed(reply))));
}

}  // namespace trinity::coordinate
