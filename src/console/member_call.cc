#include "console/member_call.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace trinity::console {
namespace {

using Reply = tl::expected<chat::ChatReply, provider::Failure>;

/// What the threads of a member leave for the one that waits.
class Mailbox {
 public:
  Mailbox() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
      read_ = Descriptor(ends[0]);
      write_ = Descriptor(ends[1]);
    }
  }

  void add_text(const std::string& piece) {
    const std::lock_guard lock(mutex_);
    text_ += piece;
    ring();
  }
  void end(Reply reply) {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
    ring();
  }

  struct Content {
    std::string text;
    std::optional<Reply> reply;
  };
  Content take() {
    const std::lock_guard lock(mutex_);
    char bytes[64];
    while (::read(read_.get(), bytes, sizeof bytes) > 0) {
    }
    return {std::exchange(text_, {}), std::exchange(reply_, std::nullopt)};
  }
  int descriptor() const { return read_.get(); }

 private:
  void ring() {
    const char byte = 0;
    const ssize_t written = ::write(write_.get(), &byte, 1);
    static_cast<void>(written);  // a full pipe is readable already
  }

  std::mutex mutex_;
  std::string text_;
  std::optional<Reply> reply_;
  Descriptor read_, write_;
};

chat::ChatMessage chat_message(const Message& message) {
  chat::ChatMessage out{message.role};
  if (!message.content.empty()) out.content.push_back({chat::Part::Kind::text, message.content});
  return out;
}

provider::MemberRequest request_of(const provider::Pool& pool, const provider::PoolMember& member,
                                   const MemberCall& call, bool stream) {
  provider::MemberRequest request;
  for (const Message& message : call.messages)
    request.request.messages.push_back(chat_message(message));
  provider::apply_sampling(pool.sampling_of(call.role), request.request.sampling);
  request.request.model = member.config.model;
  request.request.stream = stream;
  request.request.include_usage = stream;
  request.request_id = call.request_id;
  request.role = call.role;
  request.earlier_turns = call.earlier_turns;
  if (call.deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        *call.deadline - std::chrono::steady_clock::now());
    request.deadline = std::max(left, std::chrono::milliseconds(1));
  }
  return request;
}

MemberReply reply_of(const provider::PoolMember& member, chat::ChatReply reply) {
  MemberReply out;
  out.answer.text = reply.message.text();
  if (out.answer.text.empty()) out.answer.text = reply.message.refusal().value_or("");
  if (reply.usage) {
    const chat::Usage& usage = *reply.usage;
    out.answer.usage = usage;
    if (const auto cost = member.cost(usage))
      out.answer.cost_usd = static_cast<double>(*cost) / 1e6;
  }
  out.cut = reply.finish == chat::FinishReason::length;
  return out;
}

}  // namespace

Result<MemberReply> call_member(const provider::Pool& pool, const provider::PoolMember& member,
                                const MemberCall& call, const Interruption& interruption,
                                const OnText& on_text) {
  const auto mailbox = std::make_shared<Mailbox>();
  provider::MemberReceiver receiver;
  receiver.delta = [mailbox](const chat::Delta& delta) {
    if (!delta.text.empty()) mailbox->add_text(delta.text);
  };
  receiver.done = [mailbox](chat::ChatReply reply) { mailbox->end(std::move(reply)); };
  receiver.failed = [mailbox](provider::Failure failure) {
    mailbox->end(tl::unexpected<provider::Failure>(std::move(failure)));
  };
  const std::unique_ptr<provider::PendingCall> pending = member.member->call(
      request_of(pool, member, call, static_cast<bool>(on_text)), std::move(receiver));
  while (true) {
    pollfd ready[] = {{mailbox->descriptor(), POLLIN, 0}, {interruption.descriptor(), POLLIN, 0}};
    ::poll(ready, 2, -1);
    Mailbox::Content content = mailbox->take();
    if (on_text && !content.text.empty()) on_text(content.text);
    if (content.reply) {
      if (!*content.reply) return tl::unexpected(std::move(content.reply->error().error));
      return reply_of(member, std::move(**content.reply));
    }
    if (interruption.signal() == 0) continue;
    pending->cancel();
    return fail(ErrorKind::failed, "cancelled", "the call was cancelled; ask again");
  }
}

}  // namespace trinity::console
