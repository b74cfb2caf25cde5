// Writes answers in the form of Anthropic's Messages, whole and event by event.
#include <fmt/format.h>

#include <utility>

#include "base/json.h"
#include "chat/anthropic.h"
#include "chat/errors.h"
#include "chat/sse.h"

namespace trinity::chat::anthropic {
namespace {

using Action = ItemStep::Action;
using Item = ItemStep::Item;

const char* stop_reason(FinishReason finish) {
  switch (finish) {
    case FinishReason::length:
      return "max_tokens";
    case FinishReason::tool_calls:
      return "tool_use";
    case FinishReason::content_filter:
      return "refusal";
    case FinishReason::stop:
      break;
  }
  return "end_turn";
}

/// Every field that the description demands; null says that nothing is known.
Json write_usage(const Usage& usage, const Json& usage_extra, bool is_delta) {
  Json written;
  if (!is_delta) {
    written["cache_creation"] = Json();
    written["inference_geo"] = Json();
    written["service_tier"] = Json();
  }
  written["cache_creation_input_tokens"] = 0;
  written["cache_read_input_tokens"] = usage.cached_input;
  written["input_tokens"] = usage.input - usage.cached_input;
  written["output_tokens"] = usage.output;
  written["output_tokens_details"] = {{"thinking_tokens", usage.reasoning}};
  written["server_tool_use"] = Json();
  if (!usage_extra.is_null()) written["trinity"] = usage_extra;
  if (usage.estimated) written["trinity"]["estimated"] = true;
  return written;
}

Json write_message(const Envelope& envelope, Json content, const Json& reason, const Usage& usage,
                   const Json& usage_extra) {
  Json message = {
      {"id", envelope.id}, {"type", "message"}, {"role", "assistant"}, {"model", envelope.model}};
  message["content"] = std::move(content);
  message["stop_reason"] = reason;
  message["stop_sequence"] = Json();
  message["stop_details"] = Json();
  message["container"] = Json();
  message["usage"] = write_usage(usage, usage_extra, false);
  return message;
}

void append_event(std::string& out, Json event) {
  const std::string name = event["type"].as_string();
  append_sse_event(out, name, json_text(event));
}

/// The input of a call as a whole reply has it.
Json input_of(const std::string& arguments) {
  const Result<Json> input = parse_json(arguments);
  if (input && input->is_object()) return *input;
  return arguments.find_first_not_of(" \t\r\n") == std::string::npos
             ? Json::object()
             : Json{{"invalid_arguments", arguments}};
}

Json call_block(const Call& call, std::size_t number) {
  Json block = {{"type", "tool_use"}};
  block["id"] = call.id.empty() ? fmt::format("toolu_{}", number) : call.id;
  block["name"] = call.name;
  block["input"] = Json::object();
  const Json& caller = call.extra["caller"];
  block["caller"] = caller.is_object() ? caller : Json{{"type", "direct"}};
  return block;
}

Json text_block(std::string_view text) {
  return {{"type", "text"}, {"text", text}, {"citations", nullptr}};
}

}  // namespace

std::string EventStream::begin() {
  Json event = {{"type", "message_start"}};
  event["message"] = write_message(envelope_, Json::array(), {}, {}, {});
  std::string out;
  append_event(out, std::move(event));
  return out;
}

std::string EventStream::sign_of_life() const {
  std::string out;
  append_event(out, {{"type", "ping"}});
  return out;
}

void EventStream::put_delta(Json delta, std::string& out) {
  Json event = {{"type", "content_block_delta"}, {"index", blocks_.size() - 1}};
  event["delta"] = std::move(delta);
  append_event(out, std::move(event));
}

void EventStream::put_block(Json block, std::string& out) {
  Json event = {{"type", "content_block_start"}, {"index", blocks_.size()}};
  event["content_block"] = block;
  blocks_.push_back(std::move(block));
  append_event(out, std::move(event));
}

void EventStream::stop(std::string& out) {
  append_event(out, {{"type", "content_block_stop"}, {"index", blocks_.size() - 1}});
}

void EventStream::open(const ItemStep& step, std::string& out) {
  switch (step.item) {
    case Item::reasoning:
      return put_block({{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}, out);
    case Item::text:
    case Item::refusal:
      return put_block(text_block(""), out);
    case Item::call:
      has_calls_ = true;
      return put_block(call_block(step.call, blocks_.size()), out);
  }
}

void EventStream::take(std::vector<ItemStep> steps, std::string& out) {
  for (ItemStep& step : steps) {
    if (step.action == Action::open) {
      open(step, out);
    } else if (step.action == Action::append) {
      // The arguments of a call wait for its end: clients fail on what turns out to be no JSON.
      if (step.item == Item::call) continue;
      if (step.item == Item::reasoning) {
        put_delta({{"type", "thinking_delta"}, {"thinking", step.piece}}, out);
      } else {
        put_delta({{"type", "text_delta"}, {"text", step.piece}}, out);
      }
    } else {
      Json& block = blocks_[blocks_.size() - 1];
      if (step.item == Item::call) {
        block["input"] = input_of(step.call.arguments);
        if (!std::as_const(block)["input"].empty())
          put_delta({{"type", "input_json_delta"}, {"partial_json", json_text(block["input"])}},
                    out);
      } else if (step.item == Item::reasoning) {
        block["thinking"] = std::move(step.whole);
        if (!signature_.empty()) {
          put_delta({{"type", "signature_delta"}, {"signature", signature_}}, out);
          block["signature"] = std::exchange(signature_, {});
        }
      } else {
        block["text"] = std::move(step.whole);
      }
      stop(out);
    }
  }
}

/// Thinking blocks of a member: a signature for the thought that is open, or whole blocks.
void EventStream::put_thoughts(const Json& thoughts, std::string& out) {
  for (const Json& thought : thoughts) {
    const std::string& type = thought["type"].as_string();
    if (order_.open_item() == Item::call) {
      waiting_thoughts_.push_back(thought);
    } else if (type == "redacted_thinking") {
      take(order_.close_open(), out);
      put_block({{"type", "redacted_thinking"}, {"data", thought["data"].as_string()}}, out);
      stop(out);
    } else if (type == "thinking") {
      signature_ = thought["signature"].as_string();
      if (order_.open_item() != Item::reasoning) {
        take(order_.close_open(), out);
        put_block({{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}, out);
        put_delta({{"type", "signature_delta"}, {"signature", signature_}}, out);
        blocks_[blocks_.size() - 1]["signature"] = std::exchange(signature_, {});
        stop(out);
      } else {
        take(order_.close_open(), out);
      }
    }
  }
}

std::string EventStream::add(const Delta& delta) {
  std::string out;
  Delta thought;
  thought.reasoning = delta.reasoning;
  take(order_.add(thought), out);
  put_thoughts(delta.extra["thinking_blocks"], out);
  Delta rest;
  rest.text = delta.text;
  rest.refusal = delta.refusal;
  rest.calls = delta.calls;
  take(order_.add(rest), out);
  return out;
}

std::string EventStream::finish(FinishReason finish, const std::optional<Usage>& usage) {
  std::string out;
  take(order_.finish(), out);
  put_thoughts(std::exchange(waiting_thoughts_, {}), out);
  Json event = {{"type", "message_delta"}};
  event["delta"] = {{"stop_reason", stop_reason(settled_finish(finish, has_calls_))},
                    {"stop_sequence", nullptr},
                    {"stop_details", nullptr},
                    {"container", nullptr}};
  event["usage"] = write_usage(usage.value_or(Usage()), envelope_.usage_extra, true);
  append_event(out, std::move(event));
  append_event(out, {{"type", "message_stop"}});
  return out;
}

std::string EventStream::fail(const Error& error, int status, std::string_view request_id) {
  std::string out;
  append_sse_event(out, "error", write_anthropic_error(error, status, request_id));
  return out;
}

std::string write_reply(const ChatReply& reply, const Envelope& envelope) {
  // The blocks are those that the same reply has as a stream.
  EventStream stream(envelope);
  const ChatMessage& message = reply.message;
  const Json& thoughts = message.extra["thinking_blocks"];
  for (const Json& thought : thoughts) {
    Delta delta;
    delta.reasoning = thought["thinking"].as_string();
    delta.extra["thinking_blocks"].push_back(thought);
    stream.add(delta);
  }
  Delta delta;
  if (thoughts.empty()) delta.reasoning = message.reasoning.value_or("");
  delta.text = message.text();
  delta.refusal = message.refusal().value_or("");
  for (const Call& call : message.calls)
    delta.calls.push_back({delta.calls.size(), call.id, call.name, call.arguments, call.extra});
  stream.add(delta);
  std::string unused;
  stream.take(stream.order_.finish(), unused);
  const FinishReason finish = settled_finish(reply.finish, !message.calls.empty());
  return json_text(write_message(envelope, std::move(stream.blocks_), stop_reason(finish),
                                 reply.usage.value_or(Usage()), envelope.usage_extra));
}

}  // namespace trinity::chat::anthropic
