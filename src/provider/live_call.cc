#include "provider/live_call.h"

#include <algorithm>

namespace trinity::provider {
namespace {

class Handle : public PendingCall {
 public:
  Handle(std::shared_ptr<LiveCall> call, std::function<void(bool)> stop)
      : call_(std::move(call)), stop_(std::move(stop)) {}
  ~Handle() override { stop_once(); }
  void cancel() override { stop_once(); }

 private:
  void stop_once() {
    const bool was_open = call_->cancel();
    std::function<void(bool)> stop;
    {
      const std::lock_guard lock(mutex_);
      stop.swap(stop_);
    }
    if (stop) stop(was_open);
  }

  std::shared_ptr<LiveCall> call_;
  std::mutex mutex_;
  std::function<void(bool)> stop_;
};

}  // namespace

std::shared_ptr<MemberReceiver> LiveCall::keep() const {
  const std::lock_guard lock(mutex_);
  return receiver_;
}

std::shared_ptr<MemberReceiver> LiveCall::take() {
  const std::lock_guard lock(mutex_);
  return std::move(receiver_);
}

bool LiveCall::open() const { return keep() != nullptr; }

bool LiveCall::delta(const chat::Delta& delta) {
  const std::shared_ptr<MemberReceiver> receiver = keep();
  if (!receiver) return false;
  if (receiver->delta) receiver->delta(delta);
  return true;
}

bool LiveCall::done(chat::ChatReply reply) {
  const std::shared_ptr<MemberReceiver> receiver = take();
  if (!receiver) return false;
  if (receiver->done) receiver->done(std::move(reply));
  return true;
}

bool LiveCall::failed(Failure failure) {
  const std::shared_ptr<MemberReceiver> receiver = take();
  if (!receiver) return false;
  if (receiver->failed) receiver->failed(std::move(failure));
  return true;
}

bool LiveCall::cancel() { return take() != nullptr; }

std::unique_ptr<PendingCall> pending_call(std::shared_ptr<LiveCall> call,
                                          std::function<void(bool)> stop) {
  return std::make_unique<Handle>(std::move(call), std::move(stop));
}

std::vector<chat::Delta> deltas_of(const chat::ChatReply& reply, std::size_t bytes) {
  std::vector<chat::Delta> deltas(1);
  deltas[0].id = reply.id;
  deltas[0].model = reply.model;
  deltas[0].extra = reply.message.extra;
  deltas[0].logprobs = reply.logprobs;
  if (reply.message.reasoning) deltas[0].reasoning = *reply.message.reasoning;
  if (const auto refusal = reply.message.refusal()) deltas[0].refusal = *refusal;
  const std::string text = reply.message.text();
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + std::max<std::size_t>(bytes, 1), text.size());
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
    deltas.emplace_back().text = text.substr(at, end - at);
    at = end;
  }
  for (std::size_t i = 0; i < reply.message.calls.size(); ++i) {
    const chat::Call& call = reply.message.calls[i];
    deltas.emplace_back().calls.push_back({i, call.id, call.name, call.arguments, call.extra});
  }
  chat::Delta& last = deltas.emplace_back();
  last.finish = reply.finish;
  last.usage = reply.usage;
  return deltas;
}

}  // namespace trinity::provider
