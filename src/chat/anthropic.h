// Anthropic's Messages: requests and replies, whole and streamed, both ways.
//
// How its blocks map to a chat call:
//  * `system` is the first message; a tool_result is a message of its own with the role tool.
//  * thinking and redacted_thinking blocks go verbatim, with their signatures, into
//    ChatMessage::extra["thinking_blocks"]; their text is the message's reasoning too. A thought
//    without signature is not sent upstream: Anthropic refuses it.
//  * A document or search result is a file, or a text where it is one, and keeps its block verbatim
//    in Part::extra["anthropic"], which only the writer of this dialect sends.
//  * cache_control stays with its part (Part::extra), tool (Tool::extra) or message.
//  * Blocks of tools that Anthropic runs itself are kept in ChatMessage::extra["content_blocks"].
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "chat/chat.h"
#include "chat/item_order.h"

namespace trinity::chat::anthropic {

/// Errors: as openai::read_request. `needs_max_tokens`: not so for count_tokens.
Result<ChatRequest> read_request(std::string_view body, bool needs_max_tokens = true);
/// The body of a request. What the dialect has no word for (penalties, seed, log probabilities, n)
/// is left out; a part that it cannot carry (audio, a file by name) is an error,
/// `unsupported_modality`. `max_tokens` is required there: the default counts when none was given.
Result<std::string> write_request(const ChatRequest& request,
                                  std::int64_t default_max_tokens = 8192);

/// Errors: `upstream_error`, `invalid_response`.
Result<ChatReply> read_reply(std::string_view body);
std::string write_reply(const ChatReply& reply, const Envelope& envelope);

/// Reads the events of one upstream's stream.
class EventReader {
 public:
  /// One event's data; nothing for message_stop. Errors: `upstream_error`, `invalid_response`.
  Result<std::optional<Delta>> read(std::string_view data);

 private:
  void start_block(const Json& event, Delta& delta);
  void add_to_block(const Json& event, Delta& delta);
  void stop_block(const Json& event, Delta& delta);

  Json usage_;
  std::map<std::uint64_t, Json> thoughts_;         // thinking blocks that are open
  std::map<std::uint64_t, std::size_t> call_of_;   // block -> call
  std::map<std::uint64_t, bool> has_whole_input_;  // a tool_use that began with its input
};

/// Writes the events of one answer, each ready to be sent. begin, then any of add and
/// sign_of_life, then finish or fail. The arguments of a call come in one piece, at its end: a
/// client that reads them as they come fails on what turns out to be no JSON.
class EventStream {
 public:
  explicit EventStream(Envelope envelope) : envelope_(std::move(envelope)) {}
  std::string begin();
  std::string sign_of_life() const;
  /// `delta` as Assembly::add returns it.
  std::string add(const Delta& delta);
  std::string finish(FinishReason finish, const std::optional<Usage>& usage);
  std::string fail(const Error& error, int status, std::string_view request_id);

 private:
  friend std::string write_reply(const ChatReply& reply, const Envelope& envelope);
  void take(std::vector<ItemStep> steps, std::string& out);
  void open(const ItemStep& step, std::string& out);
  void put_block(Json block, std::string& out);
  void put_thoughts(const Json& blocks, std::string& out);
  void put_delta(Json delta, std::string& out);
  void stop(std::string& out);

  Envelope envelope_;
  ItemOrder order_;
  Json blocks_ = Json::array();  // as a whole reply has them
  std::string signature_;        // of the thought that is open
  Json waiting_thoughts_;
  bool has_calls_ = false;
};

}  // namespace trinity::chat::anthropic
