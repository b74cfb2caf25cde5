// How an answer goes out: in the client's dialect, whole or as a stream.
//
// Whoever works on a request calls begin, then any of note and delta, then finish or fail, once.
// A whole answer ignores all but the last. A stream shows only what will not be taken back: its
// writer is given deltas when nobody can reject them, and otherwise the whole reply at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "chat/chat.h"
#include "serve/request.h"

namespace trinity::serve {

class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  /// The first bytes of a stream, with the fields that the request has by then.
  virtual void begin() = 0;
  /// A turn began or ended, or it is still at work: `line` for people, `event` for programs that
  /// asked for events.
  virtual void note(std::string_view line, const Json& event) = 0;
  /// A piece of the answer, as it comes.
  virtual void delta(const chat::Delta& delta) = 0;
  /// The end. `reply` is the whole answer; what went out as deltas is not sent again.
  virtual void finish(const chat::ChatReply& reply, const chat::Usage& usage,
                      const Json& usage_extra) = 0;
  virtual void fail(const ApiError& error) = 0;

  virtual bool streams() const = 0;
};

/// What is asked for and how it is to be answered.
struct Asked {
  chat::ChatRequest call;
  Json settings;        // of Responses: what an answer repeats of its request
  bool events = false;  // the client wants turns as objects in its stream
};

/// Reads the body in the dialect of the path. Errors: those of the dialect's reader.
Result<Asked> read_asked(const Request& request);

std::unique_ptr<AnswerWriter> make_answer_writer(std::shared_ptr<Request> request,
                                                 const Asked& asked);

}  // namespace trinity::serve
