// OpenAI's chat completions: requests and replies, whole and streamed, both ways.
//
// A client's request is read strictly: a field of the wrong type is refused by its path, and what
// this program does not know is kept. An upstream's reply is read leniently, because many servers
// speak the dialect with an accent; what is written is what the description of the interface asks.
#pragma once

#include <trinity/error.h>

#include <optional>
#include <string>
#include <string_view>

#include "chat/chat.h"

namespace trinity::chat::openai {

/// Errors: `invalid_request` and its kin, whose message begins with the field's path in the body
/// ("messages[2].content: ..."), `unsupported_value` for what is known and not served, and those of
/// read_object (chat/field_reader.h).
Result<ChatRequest> read_request(std::string_view body);
/// The body of a request. `max_tokens_field` is the name under which Sampling::max_tokens goes. The
/// field "trinity" is this program's own and stays here. Of another dialect's fields only those go
/// along that this one has too.
std::string write_request(const ChatRequest& request,
                          std::string_view max_tokens_field = "max_tokens");

/// Errors: `upstream_error` where the body holds an error object, `invalid_response`.
Result<ChatReply> read_reply(std::string_view body);
/// The body of an answer; every field that the description of the interface requires is there.
std::string write_reply(const ChatReply& reply, const Envelope& envelope);

/// One `data:` payload of a stream; nothing for "[DONE]". Errors: `upstream_error` where it holds
/// an error object, `invalid_response`.
Result<std::optional<Delta>> read_chunk(std::string_view data);
/// The first chunk: who speaks.
std::string write_first_chunk(const Envelope& envelope, const Json& extra = {});
/// A chunk with `delta`, which Assembly::add has put right; without anything in it, a sign of life.
/// `extra` is put beside "choices".
std::string write_chunk(const Delta& delta, const Envelope& envelope, const Json& extra = {});
/// The one chunk without choices, that ends a stream whose client asked for usage.
std::string write_usage_chunk(const Usage& usage, const Envelope& envelope);

/// `{"type":"text","text":...}` and its kin.
Json write_part(const Part& part);
/// `{"prompt_tokens":...}`.
Json write_usage(const Usage& usage, const Json& usage_extra);
std::optional<Usage> read_usage(const Json& usage);

}  // namespace trinity::chat::openai
