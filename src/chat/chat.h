// A chat call in no dialect: what every chat interface means, so that a request can come in as one
// and leave as another without losing a part.
//
// Requests and replies are values. What a dialect says and another does not know is kept verbatim
// in `extra` (an object, or null), never dropped: the writer of the same dialect puts it back.
// Readers and writers of the dialects: chat/openai_chat.h, chat/openai_responses.h,
// chat/anthropic.h, chat/gemini.h.
//
// Some of what a member adds has a name that other programs use too, in whatever dialect it came:
//  * ChatMessage::extra["thinking_blocks"]: Anthropic's thinking blocks with their signatures;
//  * ChatMessage::extra["images"]: images that a model made, each as an image_url part;
//  * Call::extra["extra_content"]["google"]["thought_signature"]: Gemini's.
// They go back to the member that made them and to no other; whoever sends a request sees to it.
#pragma once

#include <trinity/message.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"

namespace trinity::chat {

/// Whose fields `ChatRequest::extra` holds.
enum class Dialect { openai_chat, openai_responses, anthropic, gemini };

/// One part of a message's content.
struct Part {
  enum class Kind { text, refusal, image, audio, file };
  Kind kind = Kind::text;
  std::string text = {};  // of text and refusal
  Json media = {};        // of the others: the part in the form of OpenAI chat, verbatim
  Json extra = {};        // other fields of a text, such as cache_control; see chat/anthropic.h

  bool operator==(const Part&) const = default;
};

/// A call of a tool that an assistant asks for.
struct Call {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text as the model wrote it, possibly ill-formed
  Json extra = {};        // of the member that made it, such as Gemini's thought signature

  bool operator==(const Call&) const = default;
};

struct ChatMessage {
  std::string role;                           // "system", "developer", "user", "assistant", "tool"
  std::vector<Part> content = {};             // empty: null or ""
  std::optional<std::string> reasoning = {};  // what an assistant thought, where it is shown
  std::vector<Call> calls = {};               // of an assistant
  std::string call_id = {};                   // of a tool: the call that it answers
  bool call_failed = false;                   // of a tool: it says why it failed
  Json extra = {};                            // other fields, verbatim

  /// Its text parts, joined by line feeds.
  std::string text() const;
  /// Its refusals, joined by line feeds; nothing: it has none.
  std::optional<std::string> refusal() const;

  bool operator==(const ChatMessage&) const = default;
};

struct Tool {
  std::string name;
  std::string description = {};
  Json parameters = {};  // a JSON schema, or null
  std::optional<bool> strict = {};
  Json extra = {};  // other fields, verbatim

  bool operator==(const Tool&) const = default;
};

struct ToolChoice {
  enum class Kind { unset, automatic, none, required, named };
  Kind kind = Kind::unset;
  std::string name = {};  // of named

  bool operator==(const ToolChoice&) const = default;
};

/// The form that the answer must have.
struct OutputFormat {
  enum class Kind { text, json_object, json_schema };
  Kind kind = Kind::text;
  std::string name = {}, description = {};  // of json_schema
  Json schema = {};                         // of json_schema
  std::optional<bool> strict = {};

  bool operator==(const OutputFormat&) const = default;
};

/// What shapes the answer of a model. Absent: the member's own.
struct Sampling {
  std::optional<double> temperature, top_p, frequency_penalty, presence_penalty;
  std::optional<std::int64_t> max_tokens, top_k, seed;
  std::vector<std::string> stop;
  std::string reasoning_effort;  // "" or as given
  std::optional<bool> parallel_tool_calls;
  std::optional<std::int64_t> top_logprobs;
  bool logprobs = false;

  bool operator==(const Sampling&) const = default;
};

struct ChatRequest {
  std::string model;
  std::vector<ChatMessage> messages;
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  OutputFormat format;
  Sampling sampling;
  std::int64_t n = 1;
  bool stream = false;
  bool include_usage = false;  // of a stream
  Dialect dialect = Dialect::openai_chat;
  Json extra;  // other fields of the dialect, verbatim

  bool has_media(Part::Kind kind) const;

  bool operator==(const ChatRequest&) const = default;
};

/// Tokens. Sums of several calls are made with +=.
struct Usage {
  std::int64_t input = 0;         // all of the prompt, cached tokens too
  std::int64_t output = 0;        // all that was written, reasoning too
  std::int64_t cached_input = 0;  // part of input
  std::int64_t reasoning = 0;     // part of output
  bool estimated = false;         // the member did not say

  Usage& operator+=(const Usage& other);
  bool operator==(const Usage&) const = default;
};

enum class FinishReason { stop, length, tool_calls, content_filter };
/// "stop", "length", "tool_calls" or "content_filter".
const char* finish_reason_name(FinishReason reason);

struct ChatReply {
  std::string id;     // as the upstream gave it
  std::string model;  // as the upstream names it
  ChatMessage message = {"assistant"};
  FinishReason finish = FinishReason::stop;
  std::optional<Usage> usage = {};  // nothing: the upstream did not say
  Json logprobs = {};               // null, or in the form of OpenAI chat

  bool operator==(const ChatReply&) const = default;
};

/// How a reply ends: one that calls tools never says `stop`, after which clients would not call.
FinishReason settled_finish(FinishReason said, bool has_calls);

/// A piece of a streamed reply, in the order of arrival. Put together by chat/assembly.h.
struct Delta {
  struct CallPiece {
    std::size_t index = 0;
    std::string id = {}, name = {};  // in the first piece of a call
    std::string arguments = {};      // appended
    Json extra = {};                 // set in the call

    bool operator==(const CallPiece&) const = default;
  };
  std::string text = {}, reasoning = {}, refusal = {};  // appended
  std::vector<CallPiece> calls = {};
  std::optional<FinishReason> finish = {};
  std::optional<Usage> usage = {};  // replaces what an earlier piece said
  std::string id = {}, model = {};  // in the first piece
  Json logprobs = {};               // of OpenAI chat, appended
  Json extra = {};                  // of the message: lists are appended, others replaced

  bool empty() const;
  bool operator==(const Delta&) const = default;
};

/// Facts of an answer that are ours and not a member's.
struct Envelope {
  std::string id;            // "chatcmpl-...", "resp_..." or "msg_..."
  std::int64_t created = 0;  // seconds since 1970
  std::string model;         // what the client asked for
  Json usage_extra = {};     // an object put into usage under "trinity", or null
  /// Of a chat stream whose client asked for usage: every chunk but the last says null.
  bool include_usage = false;
};

/// The message as the router reads it: text parts joined, "[image]", "[audio]" or "[file]" for each
/// other part, calls and reasoning in their fields; "developer" reads as "system".
Message router_message(const ChatMessage& message);

}  // namespace trinity::chat
