#include "provider/member.h"

#include <condition_variable>
#include <mutex>

namespace trinity::provider {

const char* failure_class_name(FailureClass failure) {
  switch (failure) {
    case FailureClass::credential:
      return "credential";
    case FailureClass::timeout:
      return "timeout";
    case FailureClass::rate_limit:
      return "rate_limit";
    case FailureClass::overloaded:
      return "overloaded";
    case FailureClass::http:
      return "http";
    case FailureClass::rejected:
      return "rejected";
    case FailureClass::context_length:
      return "context_length";
    case FailureClass::content_filter:
      return "content_filter";
    case FailureClass::unsupported:
      return "unsupported";
    case FailureClass::quota:
      return "quota";
    case FailureClass::invalid_response:
      return "invalid_response";
    case FailureClass::adapter:
      return "adapter";
    case FailureClass::cancelled:
      return "cancelled";
  }
  return "adapter";
}

bool may_help_to_retry(FailureClass failure) {
  return failure == FailureClass::timeout || failure == FailureClass::rate_limit ||
         failure == FailureClass::overloaded || failure == FailureClass::http;
}

tl::expected<chat::ChatReply, Failure> call_and_wait(
    Member& member, MemberRequest request, const std::function<void(const chat::Delta&)>& delta) {
  using Outcome = tl::expected<chat::ChatReply, Failure>;
  struct Waiting {
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<Outcome> outcome;

    void end(Outcome value) {
      const std::lock_guard lock(mutex);
      outcome = std::move(value);
      ended.notify_all();
    }
  };
  const auto waiting = std::make_shared<Waiting>();
  MemberReceiver receiver;
  receiver.delta = delta;
  receiver.done = [waiting](chat::ChatReply reply) { waiting->end(std::move(reply)); };
  receiver.failed = [waiting](Failure failure) {
    waiting->end(tl::unexpected<Failure>(std::move(failure)));
  };
  const std::unique_ptr<PendingCall> call = member.call(std::move(request), std::move(receiver));
  std::unique_lock lock(waiting->mutex);
  waiting->ended.wait(lock, [&] { return waiting->outcome.has_value(); });
  return std::move(*waiting->outcome);
}

}  // namespace trinity::provider
