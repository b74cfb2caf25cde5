// What a call under way and its handle share: the receiver, until the call has ended.
//
// Members differ in what they do; that a call ends once, and that nothing begins after it was
// cancelled, is kept here. The receiver is let go as soon as the call has ended, since it often
// owns what owns the call.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "provider/member.h"

namespace trinity::provider {

class LiveCall {
 public:
  explicit LiveCall(MemberReceiver receiver)
      : receiver_(std::make_shared<MemberReceiver>(std::move(receiver))) {}

  /// Whether the call goes on; the others return the same of before.
  bool open() const;
  bool delta(const chat::Delta& delta);
  bool done(chat::ChatReply reply);
  bool failed(Failure failure);
  bool cancel();

 private:
  std::shared_ptr<MemberReceiver> keep() const;
  std::shared_ptr<MemberReceiver> take();

  mutable std::mutex mutex_;
  std::shared_ptr<MemberReceiver> receiver_;  // none once it has ended
};

/// A handle whose cancellation closes the call and then does what else there is to stop, once;
/// `was_open` says whether the call had not ended by itself.
std::unique_ptr<PendingCall> pending_call(std::shared_ptr<LiveCall> call,
                                          std::function<void(bool was_open)> stop = {});

/// A reply as a member without a stream of its own sends it: the text in pieces of about `bytes`
/// bytes, never within a character, then the end.
std::vector<chat::Delta> deltas_of(const chat::ChatReply& reply, std::size_t bytes = 12);

}  // namespace trinity::provider
