#include "serve/answer_writer.h"

#include <utility>

#include "base/try.h"
#include "chat/anthropic.h"
#include "chat/openai_chat.h"
#include "chat/openai_responses.h"
#include "chat/sse.h"

namespace trinity::serve {
namespace {

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// The reply as one piece.
chat::Delta whole_delta(const chat::ChatReply& reply) {
  chat::Delta delta;
  delta.text = reply.message.text();
  delta.reasoning = reply.message.reasoning.value_or("");
  delta.refusal = reply.message.refusal().value_or("");
  for (std::size_t n = 0; n < reply.message.calls.size(); ++n) {
    const chat::Call& call = reply.message.calls[n];
    delta.calls.push_back({n, call.id, call.name, call.arguments, call.extra});
  }
  delta.logprobs = reply.logprobs;
  delta.extra = reply.message.extra;
  return delta;
}

/// What every dialect's writer has.
class Writer : public AnswerWriter {
 public:
  Writer(std::shared_ptr<Request> request, const Asked& asked, const char* id_prefix)
      : request_(std::move(request)), streams_(asked.call.stream) {
    envelope_.id = id_prefix + request_->id().substr(4);
    envelope_.created = now_seconds();
    envelope_.model = asked.call.model;
    envelope_.include_usage = asked.call.include_usage;
  }

  bool streams() const override { return streams_; }

  void begin() override {
    if (!streams_ || begun_) return;
    begun_ = true;
    request_->begin_events();
    send(first_piece());
  }

  void note(std::string_view line, const Json& event) override {
    if (begun_) send(note_piece(line, event));
  }

  void delta(const chat::Delta& delta) override {
    if (!streams_) return;
    begin();
    sent_any_ = true;
    send(delta_piece(delta));
  }

  void finish(const chat::ChatReply& reply, const chat::Usage& usage,
              const Json& usage_extra) override {
    envelope_.usage_extra = usage_extra;
    if (!streams_) {
      chat::ChatReply answer = reply;
      answer.usage = usage;
      request_->answer(200, whole(answer));
      return;
    }
    begin();
    if (!sent_any_) send(delta_piece(whole_delta(reply)));
    send(last_piece(reply.finish, usage));
    request_->exchange().end();
  }

  void fail(const ApiError& error) override {
    if (!begun_) return request_->fail(error);
    send(error_piece(error));
    request_->exchange().end();
  }

 protected:
  virtual std::string whole(const chat::ChatReply& reply) = 0;
  virtual std::string first_piece() = 0;
  virtual std::string note_piece(std::string_view line, const Json& event) = 0;
  virtual std::string delta_piece(const chat::Delta& delta) = 0;
  virtual std::string last_piece(chat::FinishReason finish, const chat::Usage& usage) = 0;
  virtual std::string error_piece(const ApiError& error) = 0;

  void send(std::string piece) {
    if (!piece.empty()) request_->exchange().write(std::move(piece));
  }

  std::shared_ptr<Request> request_;
  chat::Envelope envelope_;

 private:
  bool streams_, begun_ = false, sent_any_ = false;
};

class OpenAiChatWriter final : public Writer {
 public:
  OpenAiChatWriter(std::shared_ptr<Request> request, const Asked& asked)
      : Writer(std::move(request), asked, "chatcmpl-"), events_(asked.events) {}

 private:
  std::string whole(const chat::ChatReply& reply) override {
    return chat::openai::write_reply(reply, envelope_);
  }
  std::string first_piece() override { return data(chat::openai::write_first_chunk(envelope_)); }
  std::string note_piece(std::string_view, const Json& event) override {
    const Json extra = events_ ? Json{{"trinity", event}} : Json();
    return data(chat::openai::write_chunk({}, envelope_, extra));
  }
  std::string delta_piece(const chat::Delta& delta) override {
    return data(chat::openai::write_chunk(delta, envelope_));
  }
  std::string last_piece(chat::FinishReason finish, const chat::Usage& usage) override {
    chat::Delta delta;
    delta.finish = finish;
    std::string out = data(chat::openai::write_chunk(delta, envelope_));
    if (envelope_.include_usage) out += data(chat::openai::write_usage_chunk(usage, envelope_));
    return out + data("[DONE]");
  }
  std::string error_piece(const ApiError& error) override {
    return data(request_->error_text(error));
  }

  static std::string data(std::string_view text) {
    std::string out;
    chat::append_sse_data(out, text);
    return out;
  }

  bool events_;
};

class ResponsesWriter final : public Writer {
 public:
  ResponsesWriter(std::shared_ptr<Request> request, const Asked& asked)
      : Writer(std::move(request), asked, "resp_"),
        settings_(asked.settings),
        events_(envelope_, asked.settings) {}

 private:
  std::string whole(const chat::ChatReply& reply) override {
    return chat::responses::write_reply(reply, envelope_, settings_, now_seconds());
  }
  std::string first_piece() override { return events_.begin(); }
  std::string note_piece(std::string_view line, const Json&) override { return events_.note(line); }
  std::string delta_piece(const chat::Delta& delta) override { return events_.add(delta); }
  std::string last_piece(chat::FinishReason finish, const chat::Usage& usage) override {
    return events_.finish(finish, usage, now_seconds());
  }
  std::string error_piece(const ApiError& error) override {
    return events_.fail(error.error, error.status);
  }

  Json settings_;
  chat::responses::EventStream events_;
};

class MessagesWriter final : public Writer {
 public:
  MessagesWriter(std::shared_ptr<Request> request, const Asked& asked)
      : Writer(std::move(request), asked, "msg_"), events_(envelope_) {}

 private:
  std::string whole(const chat::ChatReply& reply) override {
    return chat::anthropic::write_reply(reply, envelope_);
  }
  std::string first_piece() override { return events_.begin(); }
  std::string note_piece(std::string_view, const Json&) override { return events_.sign_of_life(); }
  std::string delta_piece(const chat::Delta& delta) override { return events_.add(delta); }
  std::string last_piece(chat::FinishReason finish, const chat::Usage& usage) override {
    return events_.finish(finish, usage);
  }
  std::string error_piece(const ApiError& error) override {
    return events_.fail(error.error, error.status, request_->id());
  }

  chat::anthropic::EventStream events_;
};

}  // namespace

Result<Asked> read_asked(const Request& request) {
  Asked asked;
  const std::string& body = request.http().body;
  if (request.path() == "/v1/messages") {
    TRINITY_TRY(asked.call, chat::anthropic::read_request(body));
  } else if (request.path() == "/v1/responses") {
    TRINITY_TRY(chat::responses::Request read, chat::responses::read_request(body));
    if (!read.previous_response_id.empty())
      return fail(ErrorKind::unsupported, "unsupported_value",
                  "previous_response_id: this server keeps no conversations; send the whole input");
    asked.call = std::move(read.call);
    asked.settings = std::move(read.settings);
  } else {
    TRINITY_TRY(asked.call, chat::openai::read_request(body));
  }
  if (const Json* own = asked.call.extra.find("trinity"))
    if (const Json* events = own->find("events")) asked.events = events->as_bool();
  return asked;
}

std::unique_ptr<AnswerWriter> make_answer_writer(std::shared_ptr<Request> request,
                                                 const Asked& asked) {
  if (request->path() == "/v1/messages")
    return std::make_unique<MessagesWriter>(std::move(request), asked);
  if (request->path() == "/v1/responses")
    return std::make_unique<ResponsesWriter>(std::move(request), asked);
  return std::make_unique<OpenAiChatWriter>(std::move(request), asked);
}

}  // namespace trinity::serve
