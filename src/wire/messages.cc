#include "wire/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "base/try.h"
#include "base/utf8.h"
#include "wire/template_json.h"

namespace trinity::wire {
namespace {

using Kind = JsonSlice::Kind;

// What interfaces and archives write beside a message and what no model reads.
constexpr std::string_view kIgnoredInMessages[] = {"name",
                                                   "id",
                                                   "object",
                                                   "type",
                                                   "status",
                                                   "index",
                                                   "weight",
                                                   "phase",
                                                   "annotations",
                                                   "logprobs",
                                                   "tool_call_id",
                                                   "finish_reason",
                                                   "stop_reason",
                                                   "stop_sequence",
                                                   "model",
                                                   "created",
                                                   "created_at",
                                                   "timestamp",
                                                   "date",
                                                   "usage",
                                                   "metadata",
                                                   "cache_control",
                                                   "provider_specific_fields"};
constexpr std::string_view kIgnoredInParts[] = {"id", "annotations", "logprobs", "cache_control",
                                                "prompt_cache_breakpoint"};
constexpr std::string_view kIgnoredInToolCalls[] = {"id", "type", "index"};

template <typename Keys>
bool contains(const Keys& keys, std::string_view key) {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

/// Whether a value can hold text at all.
bool says_nothing(const JsonSlice& value) {
  switch (value.kind()) {
    case Kind::string:
      return value.text().size() == 2;
    case Kind::array:
      return value.elements().empty();
    case Kind::object:
      return value.members().empty();
    default:
      return true;
  }
}

tl::unexpected<Error> invalid(const std::string& where, const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_messages", where + what);
}

tl::unexpected<Error> unsupported(const std::string& where, const std::string& what) {
  return fail(ErrorKind::unsupported, "unsupported_content", where + what);
}

tl::unexpected<Error> unknown_key(const std::string& where, std::string_view key) {
  return unsupported(
      where, fmt::format(" has the key \"{}\", whose value would be lost; put what it says into "
                         "content, or leave it out",
                         excerpt(key)));
}

/// Reads the members of an object one by one and remembers what was said.
struct MessageReader {
  JsonSlice entry;
  std::string where;  // "message 2"
  Message message = {};
  std::vector<std::string> texts = {};      // of content and refusal
  std::optional<std::string> unknown = {};  // the first key that would be lost
  bool has_role = false;
  bool has_content = false;

  Result<Message> read() {
    std::optional<JsonSlice> refusal;
    for (const JsonMember& member : entry.members()) {
      const JsonSlice& value = member.value;
      if (member.key == "role") {
        if (!value.is(Kind::string)) return malformed();
        message.role = value.string();
        has_role = true;
      } else if (member.key == "content") {
        TRINITY_CHECK(read_content(value));
      } else if (member.key == "refusal") {
        refusal = value;
      } else if (member.key == "reasoning_content") {
        TRINITY_CHECK(read_reasoning(value));
      } else if (member.key == "tool_calls") {
        TRINITY_CHECK(read_tool_calls(value));
      } else if (member.key == "function_call") {
        if (!says_nothing(value)) TRINITY_CHECK(read_tool_call(value, "the function call"));
      } else if (!contains(kIgnoredInMessages, member.key) && !says_nothing(value)) {
        if (!unknown) unknown = member.key;
      }
    }
    if (refusal && !says_nothing(*refusal)) {
      if (!refusal->is(Kind::string)) return invalid(where, ": refusal must be a string");
      texts.push_back(refusal->string());
      has_content = true;
    }
    const bool says_more = !message.tool_calls.empty() ||
                           (message.reasoning_content && !message.reasoning_content->empty());
    if (!has_role) return malformed();
    if (unknown) return unknown_key(where, *unknown);
    if (!has_content && !says_more) return malformed();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) message.content += '\n';
      message.content += texts[i];
    }
    return std::move(message);
  }

 private:
  tl::unexpected<Error> malformed() const {
    return invalid(where, fmt::format(": invalid message entry: {} needs the strings role and "
                                      "content (or content as a list of text parts)",
                                      excerpt(entry.text())));
  }

  Status read_content(const JsonSlice& value) {
    if (value.is(Kind::null)) return {};
    if (value.is(Kind::string)) {
      texts.push_back(value.string());
      has_content = true;
      return {};
    }
    if (!value.is(Kind::array)) return malformed();
    std::size_t number = 0;
    for (const JsonSlice& part : value.elements()) TRINITY_CHECK(read_part(part, ++number));
    return {};
  }

  Status read_part(const JsonSlice& part, std::size_t number) {
    const std::string at = fmt::format("{}: part {} of its content", where, number);
    const auto type = part.is(Kind::object) ? part.find("type") : std::nullopt;
    if (!type || !type->is(Kind::string))
      return invalid(at, " must be an object with a type, such as {\"type\":\"text\",\"text\":…}");
    const std::string name = type->string();
    const bool is_text = name == "text" || name == "input_text" || name == "output_text";
    if (!is_text && name != "refusal")
      return unsupported(at, fmt::format(" is of the type {}, which this program cannot read; "
                                         "describe it in a text part, or leave it out",
                                         excerpt(name)));
    const std::string_view key = is_text ? "text" : "refusal";
    bool found = false;
    for (const JsonMember& member : part.members()) {
      if (member.key == key && member.value.is(Kind::string)) {
        texts.push_back(member.value.string());
        found = has_content = true;
      } else if (member.key != "type" && member.key != key &&
                 !contains(kIgnoredInParts, member.key) && !says_nothing(member.value)) {
        return unknown_key(at, member.key);
      }
    }
    if (!found) return invalid(at, fmt::format(" needs the string {}", key));
    return {};
  }

  Status read_reasoning(const JsonSlice& value) {
    if (value.is(Kind::null)) return {};
    if (!value.is(Kind::string)) return invalid(where, ": reasoning_content must be a string");
    message.reasoning_content = value.string();
    return {};
  }

  Status read_tool_calls(const JsonSlice& value) {
    if (value.is(Kind::null)) return {};
    if (!value.is(Kind::array)) return invalid(where, ": tool_calls must be an array");
    std::size_t number = 0;
    for (const JsonSlice& call : value.elements())
      TRINITY_CHECK(read_tool_call(call, fmt::format("tool call {}", ++number)));
    return {};
  }

  Status read_tool_call(const JsonSlice& call, const std::string& what) {
    const std::string at = fmt::format("{}: {}", where, what);
    if (!call.is(Kind::object)) return invalid(at, " must be an object");
    const auto type = call.find("type");
    if (type && type->is(Kind::string) && type->string() != "function")
      return unsupported(at, fmt::format(" is of the type {}; only function can be read",
                                         excerpt(type->string())));
    const auto function = call.find("function");
    const bool is_wrapped = function && !says_nothing(*function);
    if (is_wrapped && !function->is(Kind::object))
      return invalid(at, ": function must be an object");
    if (is_wrapped) {
      for (const JsonMember& member : call.members()) {
        if (member.key != "function" && !contains(kIgnoredInToolCalls, member.key) &&
            !says_nothing(member.value))
          return unknown_key(at, member.key);
      }
    }
    return read_function(is_wrapped ? *function : call, at);
  }

  Status read_function(const JsonSlice& function, const std::string& at) {
    ToolCall call;
    bool has_name = false, has_arguments = false;
    for (const JsonMember& member : function.members()) {
      const JsonSlice& value = member.value;
      if (member.key == "name" && value.is(Kind::string)) {
        call.name = value.string();
        has_name = true;
      } else if (member.key == "arguments") {
        has_arguments = true;
        if (value.is(Kind::string)) {
          call.arguments = value.string();
        } else {
          append_template_json(call.arguments, value);
        }
      } else if (member.key != "name" && member.key != "function" &&
                 !contains(kIgnoredInToolCalls, member.key) && !says_nothing(value)) {
        return unknown_key(at, member.key);
      }
    }
    if (!has_name || !has_arguments)
      return invalid(at, " needs the string name, and arguments (an object, or its text)");
    message.tool_calls.push_back(std::move(call));
    return {};
  }
};

}  // namespace

Result<Message> read_message(const JsonSlice& entry, std::size_t number) {
  const std::string where = fmt::format("message {}", number);
  if (!entry.is(Kind::object))
    return invalid(where, fmt::format(": invalid message entry: {} is no object with role and "
                                      "content",
                                      excerpt(entry.text())));
  return MessageReader{entry, where}.read();
}

Result<std::vector<Message>> read_messages(const JsonSlice& list) {
  if (!list.is(Kind::array))
    return fail(ErrorKind::invalid_input, "invalid_messages",
                fmt::format("messages must be an array of {{\"role\",\"content\"}} objects, got {}",
                            list.kind_name()));
  std::vector<Message> messages;
  for (const JsonSlice& entry : list.elements()) {
    TRINITY_TRY(messages.emplace_back(), read_message(entry, messages.size() + 1));
  }
  return messages;
}

Result<Message> parse_message(std::string_view json, std::size_t number) {
  const CheckedJson checked = check_json(json);
  TRINITY_CHECK(Status(checked.status));
  return read_message(*checked.value, number);
}

}  // namespace trinity::wire
