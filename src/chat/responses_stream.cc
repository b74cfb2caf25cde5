// Writes answers in the form of OpenAI's Responses, whole and event by event.
#include <fmt/format.h>

#include <utility>

#include "base/json.h"
#include "chat/openai_responses.h"
#include "chat/sse.h"

namespace trinity::chat::responses {
namespace {

using Action = ItemStep::Action;
using Item = ItemStep::Item;

Json write_usage(const Usage& usage, const Json& usage_extra) {
  Json written = {
      {"input_tokens", usage.input},
      {"input_tokens_details", {{"cached_tokens", usage.cached_input}, {"cache_write_tokens", 0}}},
      {"output_tokens", usage.output},
      {"output_tokens_details", {{"reasoning_tokens", usage.reasoning}}},
      {"total_tokens", usage.input + usage.output}};
  if (!usage_extra.is_null()) written["trinity"] = usage_extra;
  if (usage.estimated) written["trinity"]["estimated"] = true;
  return written;
}

Json summary_part(std::string_view text) { return {{"type", "summary_text"}, {"text", text}}; }

Json content_part(Item item, std::string_view text, const Json& logprobs) {
  if (item == Item::refusal) return {{"type", "refusal"}, {"refusal", text}};
  Json part = {{"type", "output_text"}, {"text", text}};
  part["annotations"] = Json::array();
  part["logprobs"] = logprobs;
  return part;
}

/// Those of chat completions, whose bytes may be null there and not here.
void append_text_logprobs(Json& list, const Json& logprobs) {
  for (const Json& one : logprobs["content"]) {
    Json entry = one;
    if (!one["bytes"].is_array()) entry["bytes"] = Json::array();
    Json& top = entry["top_logprobs"];
    if (!top.is_array()) top = Json::array();
    for (Json& other : top)
      if (!std::as_const(other)["bytes"].is_array()) other["bytes"] = Json::array();
    list.push_back(std::move(entry));
  }
}

}  // namespace

Json EventStream::response(std::string_view status) const {
  Json body = {
      {"id", envelope_.id},      {"object", "response"},    {"created_at", envelope_.created},
      {"completed_at", nullptr}, {"status", status},        {"incomplete_details", nullptr},
      {"error", nullptr},        {"model", envelope_.model}};
  body.update(settings_);
  body["output"] = output_;
  body["usage"] = Json();
  return body;
}

Json EventStream::finished_response(FinishReason finish, const std::optional<Usage>& usage,
                                    std::int64_t completed_at) const {
  const bool is_cut = finish == FinishReason::length || finish == FinishReason::content_filter;
  Json body = response(is_cut ? "incomplete" : "completed");
  if (is_cut) {
    body["incomplete_details"]["reason"] =
        finish == FinishReason::length ? "max_output_tokens" : "content_filter";
  } else {
    body["completed_at"] = completed_at;
  }
  if (usage) body["usage"] = write_usage(*usage, envelope_.usage_extra);
  return body;
}

void EventStream::put(Json event, std::string& out) {
  event["sequence_number"] = sequence_number_++;
  append_sse_event(out, std::as_const(event)["type"].as_string(), json_text(event));
}

/// An event about the open item.
Json EventStream::placed(std::string_view type, const char* index_name) const {
  Json event = {{"type", type}, {"item_id", item_["id"]}, {"output_index", output_.size()}};
  if (index_name != nullptr) event[std::string_view(index_name)] = 0;
  return event;
}

std::string EventStream::begin() {
  std::string out;
  for (const char* type : {"response.created", "response.in_progress"}) {
    Json event = {{"type", type}};
    event["response"] = response("in_progress");
    put(std::move(event), out);
  }
  return out;
}

void EventStream::open_thought(std::string& out) {
  item_["summary"] = Json::array();
  Json added = {{"type", "response.output_item.added"}, {"output_index", output_.size()}};
  added["item"] = item_;
  put(std::move(added), out);
  Json part = placed("response.reasoning_summary_part.added", "summary_index");
  part["part"] = summary_part("");
  put(std::move(part), out);
}

void EventStream::append_thought(std::string_view piece, std::string& out) {
  Json event = placed("response.reasoning_summary_text.delta", "summary_index");
  event["delta"] = piece;
  put(std::move(event), out);
}

void EventStream::close_thought(const std::string& whole, std::string& out) {
  Json text = placed("response.reasoning_summary_text.done", "summary_index");
  text["text"] = whole;
  put(std::move(text), out);
  Json part = placed("response.reasoning_summary_part.done", "summary_index");
  part["part"] = summary_part(whole);
  put(std::move(part), out);
  item_["summary"].push_back(summary_part(whole));
  close_item(out);
}

void EventStream::close_item(std::string& out) {
  if (item_.contains("status")) item_["status"] = end_status_;
  Json done = {{"type", "response.output_item.done"}, {"output_index", output_.size()}};
  done["item"] = item_;
  output_.push_back(std::exchange(item_, {}));
  put(std::move(done), out);
}

void EventStream::open(const ItemStep& step, std::string& out) {
  close_note(out);
  const std::size_t underscore = envelope_.id.find('_');
  const std::string suffix = fmt::format(
      "{}_{}", underscore == std::string::npos ? envelope_.id : envelope_.id.substr(underscore + 1),
      output_.size());
  if (step.item == Item::reasoning) {
    item_ = {{"id", "rs_" + suffix}, {"type", "reasoning"}};
    return open_thought(out);
  }
  Json added = {{"type", "response.output_item.added"}, {"output_index", output_.size()}};
  if (step.item == Item::call) {
    item_ = {{"id", "fc_" + suffix}, {"type", "function_call"}, {"status", "in_progress"}};
    item_["call_id"] = step.call.id.empty() ? "call_" + suffix : step.call.id;
    item_["name"] = step.call.name;
    item_["arguments"] = "";
    added["item"] = item_;
    return put(std::move(added), out);
  }
  item_ = {{"id", "msg_" + suffix},
           {"type", "message"},
           {"status", "in_progress"},
           {"role", "assistant"},
           {"content", Json::array()}};
  added["item"] = item_;
  put(std::move(added), out);
  Json part = placed("response.content_part.added", "content_index");
  part["part"] = content_part(step.item, "", Json::array());
  put(std::move(part), out);
}

void EventStream::append(const ItemStep& step, std::string& out) {
  if (step.item == Item::reasoning) return append_thought(step.piece, out);
  if (step.item == Item::call) {
    Json event = placed("response.function_call_arguments.delta", nullptr);
    event["delta"] = step.piece;
    return put(std::move(event), out);
  }
  const bool is_text = step.item == Item::text;
  Json event =
      placed(is_text ? "response.output_text.delta" : "response.refusal.delta", "content_index");
  event["delta"] = step.piece;
  if (is_text) {
    event["logprobs"] = piece_logprobs_;
    for (const Json& one : piece_logprobs_) logprobs_.push_back(one);
    piece_logprobs_.clear();
  }
  put(std::move(event), out);
}

void EventStream::close(const ItemStep& step, std::string& out) {
  if (step.item == Item::reasoning) return close_thought(step.whole, out);
  if (step.item == Item::call) {
    item_["arguments"] = step.call.arguments;
    Json event = placed("response.function_call_arguments.done", nullptr);
    event["name"] = step.call.name;
    event["arguments"] = step.call.arguments;
    put(std::move(event), out);
    return close_item(out);
  }
  const bool is_text = step.item == Item::text;
  const Json part = content_part(step.item, step.whole, std::exchange(logprobs_, Json::array()));
  Json text =
      placed(is_text ? "response.output_text.done" : "response.refusal.done", "content_index");
  text[is_text ? "text" : "refusal"] = step.whole;
  if (is_text) text["logprobs"] = part["logprobs"];
  put(std::move(text), out);
  Json done = placed("response.content_part.done", "content_index");
  done["part"] = part;
  put(std::move(done), out);
  item_["content"].push_back(part);
  close_item(out);
}

void EventStream::take(const std::vector<ItemStep>& steps, std::string& out) {
  for (const ItemStep& step : steps) {
    if (step.action == Action::open) {
      open(step, out);
    } else if (step.action == Action::append) {
      append(step, out);
    } else {
      close(step, out);
    }
  }
}

void EventStream::close_note(std::string& out) {
  if (!note_is_open_) return;
  note_is_open_ = false;
  close_thought(std::exchange(notes_, {}), out);
}

std::string EventStream::note(std::string_view line) {
  std::string out;
  if (order_.open_item() && order_.open_item() != Item::reasoning) {
    append_sse_comment(out, line);
    return out;
  }
  take(order_.close_open(), out);
  if (!note_is_open_) {
    open({Action::open, Item::reasoning, {}, {}, {}}, out);
    note_is_open_ = true;
  }
  const std::string piece = fmt::format("{}\n", line);
  notes_ += piece;
  append_thought(piece, out);
  return out;
}

std::string EventStream::add(const Delta& delta) {
  std::string out;
  append_text_logprobs(piece_logprobs_, delta.logprobs);
  take(order_.add(delta), out);
  return out;
}

std::string EventStream::finish(FinishReason finish, const std::optional<Usage>& usage,
                                std::int64_t completed_at) {
  std::string out;
  const bool is_cut = finish == FinishReason::length || finish == FinishReason::content_filter;
  if (is_cut) end_status_ = "incomplete";
  take(order_.finish(), out);
  close_note(out);
  Json event = {{"type", is_cut ? "response.incomplete" : "response.completed"}};
  event["response"] = finished_response(finish, usage, completed_at);
  put(std::move(event), out);
  return out;
}

std::string EventStream::fail(const Error& error, int status) {
  std::string out;
  end_status_ = "incomplete";
  take(order_.finish(), out);
  close_note(out);
  Json event = {{"type", "response.failed"}};
  event["response"] = response("failed");
  event["response"]["error"] = {{"code", status == 429                   ? "rate_limit_exceeded"
                                         : status >= 400 && status < 500 ? "invalid_prompt"
                                                                         : "server_error"},
                                {"message", error.message}};
  put(std::move(event), out);
  return out;
}

std::string write_reply(const ChatReply& reply, const Envelope& envelope, const Json& settings,
                        std::int64_t completed_at) {
  // The items are those that the same reply has as a stream.
  EventStream stream(envelope, settings);
  Delta delta;
  delta.reasoning = reply.message.reasoning.value_or("");
  delta.text = reply.message.text();
  delta.refusal = reply.message.refusal().value_or("");
  delta.logprobs = reply.logprobs;
  for (const Call& call : reply.message.calls)
    delta.calls.push_back({delta.calls.size(), call.id, call.name, call.arguments, call.extra});
  stream.add(delta);
  std::string unused = stream.finish(reply.finish, {}, completed_at);
  return json_text(stream.finished_response(reply.finish, reply.usage, completed_at));
}

}  // namespace trinity::chat::responses
