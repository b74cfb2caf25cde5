// OpenAI's Responses: what clients send, and what they get, whole and as events.
//
// The events of a stream come in the one order that clients survive: response.created,
// response.in_progress, then item after item, each opened, filled, closed (`done`) and only then
// followed by the next, and last response.completed with the whole output. Every event has a
// sequence_number, and what is whole is made by the same steps as what is streamed.
//
// Items of the input become messages of a chat: neighbouring thoughts, texts and calls of the
// assistant are one message, as the other dialects have it.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat.h"
#include "chat/item_order.h"

namespace trinity::chat::responses {

struct Request {
  ChatRequest call;
  /// What an answer repeats of its request, with the defaults in place.
  Json settings;
  /// The answer that the conversation goes on from; "": none. Whether it is known is for others to
  /// say.
  std::string previous_response_id;
};

/// Errors: as openai::read_request. `model` and `input` may be absent, which is for others to
/// judge.
Result<Request> read_request(std::string_view body);

/// The body of an answer: all fields of a response are there. `completed_at`: seconds since 1970.
std::string write_reply(const ChatReply& reply, const Envelope& envelope, const Json& settings,
                        std::int64_t completed_at);

/// Writes the events of one answer, each ready to be sent: begin, then any of note and add, then
/// finish or fail.
class EventStream {
 public:
  EventStream(Envelope envelope, Json settings)
      : envelope_(std::move(envelope)), settings_(std::move(settings)) {}
  std::string begin();
  /// A line about progress, as a thought. While an item of the answer is open it goes as a comment.
  std::string note(std::string_view line);
  /// `delta` as Assembly::add returns it.
  std::string add(const Delta& delta);
  std::string finish(FinishReason finish, const std::optional<Usage>& usage,
                     std::int64_t completed_at);
  /// What is open is closed as incomplete first.
  std::string fail(const Error& error, int status);

 private:
  friend std::string write_reply(const ChatReply& reply, const Envelope& envelope,
                                 const Json& settings, std::int64_t completed_at);
  Json response(std::string_view status) const;
  Json finished_response(FinishReason finish, const std::optional<Usage>& usage,
                         std::int64_t completed_at) const;
  void put(Json event, std::string& out);
  Json placed(std::string_view type, const char* index_name) const;
  void take(const std::vector<ItemStep>& steps, std::string& out);
  void open(const ItemStep& step, std::string& out);
  void append(const ItemStep& step, std::string& out);
  void close(const ItemStep& step, std::string& out);
  void open_thought(std::string& out);
  void append_thought(std::string_view piece, std::string& out);
  void close_thought(const std::string& whole, std::string& out);
  void close_item(std::string& out);
  void close_note(std::string& out);

  Envelope envelope_;
  Json settings_;
  ItemOrder order_;
  Json output_ = Json::array();  // items that are closed
  Json item_;                    // the one that is open
  bool note_is_open_ = false;
  std::string notes_;                     // of the open item
  Json logprobs_ = Json::array();         // of the open text
  Json piece_logprobs_ = Json::array();   // of the piece under way
  std::string end_status_ = "completed";  // of items that are closed
  std::int64_t sequence_number_ = 0;
};

}  // namespace trinity::chat::responses
