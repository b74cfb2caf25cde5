// Messages from JSON, in the form of the chat interfaces: the only reader of it in this program.
//
//   {"role": "user", "content": "Hi"}
//   {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
//   {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
//    "function": {"name": "add", "arguments": "{\"a\": 1}"}}]}
//   {"role": "tool", "tool_call_id": "c1", "content": "2"}
//
// What a message says becomes part of it or is refused by name; nothing is left out in silence.
//  * Content is a string or a list of parts: `text`, `input_text` and `output_text` with their
//    `text`, `refusal` with its `refusal`. The texts of several parts are joined by line feeds, and
//    so is a message's own `refusal`, as its last part. Other parts (images, audio, files) are
//    refused.
//  * Content may be null or absent where the message says something else: tool calls, a refusal or
//    reasoning_content.
//  * Tool calls have the form above, or name and arguments themselves; the older `function_call` is
//    one of them. Arguments that are a string are taken as they are, others are spelled as chat
//    templates print them (wire/template_json.h).
//  * Keys that say nothing to a model (`name`, `id`, `annotations`, ...) are ignored, and so is any
//    unknown key whose value holds no text: null, true, a number, "", [], {}. Any other key is
//    refused.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "wire/json_slice.h"

namespace trinity::wire {

/// One message; `number` counts from 1 and stands in errors. Errors: `invalid_messages` (no message
/// in this form), `unsupported_content` (it says something that cannot be read).
Result<Message> read_message(const JsonSlice& entry, std::size_t number);

/// An array of them. Errors as above.
Result<std::vector<Message>> read_messages(const JsonSlice& list);

/// One message from its JSON text. Errors also those of check_json.
Result<Message> parse_message(std::string_view json, std::size_t number);

}  // namespace trinity::wire
