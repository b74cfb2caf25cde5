// Answers as bytes: what a handler says of its exchange becomes heads, bodies and chunks, on the
// connection's thread and in the order in which it was said.
#include <algorithm>
#include <cctype>
#include <utility>

#include "net/http_writer.h"
#include "net/server_connection.h"

namespace trinity::net {
namespace {

/// What a handler's code holds: the last of it answers for whoever has not.
class ServerExchange final : public Exchange {
 public:
  explicit ServerExchange(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  ~ServerExchange() override { add(AnswerStep::Kind::abandon); }

  const HttpRequest& request() const override { return answer_->request; }
  std::string peer() const override { return answer_->peer; }
  void respond(HttpResponse response) override {
    add(AnswerStep::Kind::respond, std::move(response));
  }
  void begin(HttpResponse head) override { add(AnswerStep::Kind::begin, std::move(head)); }
  void write(std::string piece) override {
    if (!piece.empty()) answer_->add({AnswerStep::Kind::write, nullptr, std::move(piece)});
  }
  void end() override { add(AnswerStep::Kind::end); }
  std::size_t pending_bytes() const override { return answer_->pending_bytes(); }
  void when_pending_at_most(std::size_t bytes, std::function<void()> drained) override {
    answer_->when_pending_at_most(bytes, std::move(drained));
  }
  void when_gone(std::function<void()> gone) override { answer_->when_gone(std::move(gone)); }

 private:
  void add(AnswerStep::Kind kind) { answer_->add({kind, nullptr, {}}); }
  void add(AnswerStep::Kind kind, HttpResponse response) {
    std::string body = std::move(response.body);
    response.body.clear();
    answer_->add({kind, std::make_unique<HttpResponse>(std::move(response)), std::move(body)});
  }

  std::shared_ptr<Answer> answer_;
};

HttpResponse plain_response(int status, std::string body) {
  HttpResponse response{status, {}, std::move(body)};
  response.fields.add("Content-Type", "text/plain; charset=utf-8");
  return response;
}

}  // namespace

void ServerConnection::begin_exchange() {
  gzip_ = nullptr;
  state_ = State::answering;
  begun_ = ended_ = false;
  bodyless_ = head_.request.method == "HEAD";
  answer_ = std::make_shared<Answer>(std::move(head_.request), peer_, loop_.shared_from_this(),
                                     weak_from_this());
  head_.request = HttpRequest();
  ++shared_.requests;
  served_ = true;
  if (!std::exchange(expecting_, false)) {  // else it is counted already
    const std::lock_guard lock(shared_.mutex);
    ++shared_.open_exchanges;
  }
  auto exchange = std::make_shared<ServerExchange>(answer_);
  try {
    shared_.handler(std::move(exchange));
  } catch (...) {
    return;  // the exchange that it let go of has answered 500
  }
}

void ServerConnection::carry_out(Answer& answer) {
  const auto self = shared_from_this();
  const auto kept = answer_;  // it may end here
  std::vector<AnswerStep> steps = answer.take_steps();
  if (kept.get() != &answer) return;
  std::string out;
  bool cut = false;
  for (AnswerStep& step : steps) {
    if (ended_) break;
    if (step.kind == AnswerStep::Kind::abandon && begun_) {
      cut = true;
      break;
    }
    carry_out_step(step, out);
  }
  send(std::move(out));
  if (cut) {
    // What was written goes out before the end that is none, as far as the system takes it.
    stream_->shut_down_writing();
    return close();
  }
  if (ended_ && state_ == State::answering) state_ = State::flushing;
  note_progress();
  if (state_ == State::head) advance();
  if (state_ != State::closed) set_timer();
}

void ServerConnection::carry_out_step(AnswerStep& step, std::string& out) {
  switch (step.kind) {
    case AnswerStep::Kind::abandon:
      step.response = std::make_unique<HttpResponse>(
          plain_response(500, "internal server error: the request was not answered\n"));
      step.piece = std::move(step.response->body);
      [[fallthrough]];
    case AnswerStep::Kind::respond:
      if (begun_) return;
      begun_ = ended_ = true;
      step.response->body = std::move(step.piece);
      write_head(*step.response, false, out);
      if (bodyless_) return;
      if (out.empty())
        out = std::move(step.response->body);
      else
        out.append(step.response->body);
      return;
    case AnswerStep::Kind::begin:
      if (begun_) return;
      begun_ = true;
      write_head(*step.response, true, out);
      [[fallthrough]];
    case AnswerStep::Kind::write:
      if (!begun_ || bodyless_ || step.piece.empty()) return;
      if (chunked_)
        append_chunk(out, step.piece);
      else
        out.append(step.piece);
      return;
    case AnswerStep::Kind::end:
      if (!begun_) return;
      ended_ = true;
      if (chunked_ && !bodyless_) out.append(kLastChunk);
      return;
  }
}

void ServerConnection::write_head(const HttpResponse& response, bool streamed, std::string& out) {
  bodyless_ = bodyless_ || response.status == 204 || response.status == 304;
  chunked_ = streamed && head_.is_1_1;
  keep_ = head_.keep_alive && !shared_.leaving && !shared_.draining &&
          (!streamed || head_.is_1_1) && !lists_word(response.fields, "connection", "close");
  std::string framing;
  if (response.status == 204 || response.status == 304)
    framing = "";
  else if (chunked_)
    framing = "Transfer-Encoding: chunked\r\n";
  else if (!streamed)
    framing = "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  append_response_head(out, response, framing,
                       !keep_         ? "close"
                       : head_.is_1_1 ? std::string_view()
                                      : "keep-alive");
}

void ServerConnection::refuse(const Refusal& refusal) {
  ++shared_.refused;
  std::string reason(reason_phrase(refusal.status));
  std::transform(reason.begin(), reason.end(), reason.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  HttpResponse response = plain_response(refusal.status, reason + ": " + refusal.why + "\n");
  if (refusal.status == 503) response.fields.add("Retry-After", "1");
  std::string out;
  append_response_head(out, response,
                       "Content-Length: " + std::to_string(response.body.size()) + "\r\n", "close");
  out.append(response.body);
  send(std::move(out));
  linger();
}

}  // namespace trinity::net
