// The steps of an answer, from any thread to the connection's.
#include "net/server_connection.h"

namespace trinity::net {
namespace {

/// What a handler's code throws ends there: the connection must come to its own end.
void tell(const std::function<void()>& told) {
  if (!told) return;
  try {
    told();
  } catch (...) {
    return;
  }
}

}  // namespace

Answer::Answer(HttpRequest the_request, std::string the_peer, std::shared_ptr<EventLoop> loop,
               std::weak_ptr<ServerConnection> connection)
    : request(std::move(the_request)),
      peer(std::move(the_peer)),
      loop_(std::move(loop)),
      connection_(std::move(connection)) {}

void Answer::add(AnswerStep step) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    queued_ += step.piece.size();
    steps_.push_back(std::move(step));
    if (!loop_->is_current()) {
      // One errand for all steps that come before it runs.
      if (!scheduled_) scheduled_ = loop_->post([self = shared_from_this()] { self->carry_out(); });
      return;
    }
  }
  carry_out();
}

void Answer::carry_out() {
  if (const auto connection = connection_.lock()) connection->carry_out(*this);
}

std::vector<AnswerStep> Answer::take_steps() {
  const std::lock_guard lock(mutex_);
  scheduled_ = false;
  std::vector<AnswerStep> steps;
  steps.swap(steps_);
  return steps;
}

void Answer::note_unsent(std::size_t bytes) {
  std::function<void()> drained;
  {
    const std::lock_guard lock(mutex_);
    unsent_ = bytes;
    queued_ = 0;
    for (const AnswerStep& step : steps_) queued_ += step.piece.size();
    if (when_drained_ && queued_ + unsent_ <= at_most_) drained.swap(when_drained_);
  }
  tell(drained);
}

void Answer::when_pending_at_most(std::size_t bytes, std::function<void()> drained) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (queued_ + unsent_ > bytes) {
      at_most_ = bytes;
      when_drained_ = std::move(drained);
      return;
    }
  }
  loop_->post(std::move(drained));
}

void Answer::when_gone(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) {
      when_gone_ = std::move(gone);
      return;
    }
    if (!gone_) return;
  }
  gone();
}

void Answer::finish(bool gone) {
  std::function<void()> told, dropped;
  std::vector<AnswerStep> steps;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    gone_ = gone;
    queued_ = unsent_ = 0;
    told.swap(when_gone_);
    dropped.swap(when_drained_);
    steps.swap(steps_);
  }
  if (gone) tell(told);
}

}  // namespace trinity::net
