// A member of the pool: something that answers a chat request, whole or piece by piece.
//
// Members of every kind look the same from here: hosted interfaces over HTTP, local servers, the
// members of the demo pool, which compute, and scripted ones for tests. A call never blocks; its
// receiver is told what comes, on any thread, in order, and never before `call` has returned. One
// call ends with exactly one of `done` and `failed`, unless it is cancelled: then no function
// begins any more, while one that runs on another thread may still end.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "chat/chat.h"

namespace trinity::provider {

/// Why a call failed, as far as the answer tells: by type and text, not by status alone.
enum class FailureClass {
  credential,        // no key, or one that is refused
  timeout,           // nothing in time
  rate_limit,        // asked too often; may say when to come back
  overloaded,        // 503, 529 and their kin
  http,              // another status of 500 and above, or a connection that broke
  rejected,          // the request itself is at fault: 400, 404, 413, 422
  context_length,    // the conversation is too long for the member
  content_filter,    // refused for its content
  unsupported,       // the member cannot do what was asked (images, tools, ...)
  quota,             // the account has no money left
  invalid_response,  // an answer that cannot be read, or that ends without an end
  adapter,           // this program's own fault, or of what it runs
  cancelled,
};
/// "credential", "timeout", ...
const char* failure_class_name(FailureClass failure);
/// Whether asking again may help.
bool may_help_to_retry(FailureClass failure);

struct Failure {
  FailureClass failure = FailureClass::adapter;
  Error error;  // message without secrets, cut to a bearable length
  std::optional<int> status;
  std::optional<std::chrono::milliseconds> retry_after;
  bool sent = false;  // the member may have worked, and charged, for it
};

struct MemberRequest {
  chat::ChatRequest request;              // `model` is the member's own to fill in
  std::chrono::milliseconds deadline{0};  // 0: the member's own
  std::string request_id;                 // passed on for the upstream's log
  std::string traceparent, tracestate;    // passed on (W3C Trace Context); empty: none
  int depth = 0;                          // coordinators that this request has passed through
  std::string role;               // "Thinker", "Worker", "Verifier"; empty for a call outside a run
  std::string client;             // whose it is: waiting calls of different clients take turns
  std::size_t earlier_turns = 0;  // messages at the end that a run's earlier turns gave
};

struct MemberReceiver {
  std::function<void(const chat::Delta& delta)> delta;  // only of a streamed request
  /// Of a streamed request too, put together.
  std::function<void(chat::ChatReply reply)> done;
  std::function<void(Failure failure)> failed;
};

/// A call under way. Destruction cancels it.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  virtual void cancel() = 0;
};

class Member {
 public:
  virtual ~Member() = default;
  virtual std::unique_ptr<PendingCall> call(MemberRequest request, MemberReceiver receiver) = 0;
};

/// Waits for the whole reply. For commands and tests.
tl::expected<chat::ChatReply, Failure> call_and_wait(
    Member& member, MemberRequest request,
    const std::function<void(const chat::Delta&)>& delta = {});

}  // namespace trinity::provider
