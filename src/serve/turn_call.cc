#include "serve/turn_call.h"

#include <algorithm>
#include <utility>

#include "base/thread_failure.h"
#include "provider/cost.h"
#include "provider/fitness.h"

namespace trinity::serve {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Whether another member could do better.
bool is_its_own_fault(provider::FailureClass failure) {
  using provider::FailureClass;
  switch (failure) {
    case FailureClass::rejected:
    case FailureClass::content_filter:
    case FailureClass::cancelled:
      return false;
    default:
      return true;
  }
}

}  // namespace

TurnCall::TurnCall(Services& services, TurnCallOptions options, Done done)
    : services_(services), options_(std::move(options)), done_(std::move(done)) {}

TurnCall::~TurnCall() { cancel(); }

std::shared_ptr<TurnCall> TurnCall::make(Services& services, TurnCallOptions options, Done done) {
  return std::shared_ptr<TurnCall>(new TurnCall(services, std::move(options), std::move(done)));
}

ledger::Amount TurnCall::amount_of(const chat::Usage& usage) const {
  return {member().cost(usage).value_or(0), usage.input + usage.output, 1};
}

void TurnCall::ask() {
  try {
    reserve();
  } catch (...) {  // for want of memory, above all: this call fails, and no thread with it
    give_up(api_error(caught_failure("ask a member", "ask for less at once").value()));
  }
}

void TurnCall::give_up(ApiError error) {
  Done done;
  bool spent = false;
  {
    const std::scoped_lock held(lock_);
    if (std::exchange(ended_, true)) return;
    fail_span(error.error.tag);
    done = std::move(done_);
    payment_.reset();
    spent = spent_;
  }
  if (spent) error.should_retry = false;
  done(tl::unexpected(TurnFailure{std::move(error), spent}));
}

void TurnCall::reserve() {
  {
    const std::scoped_lock held(lock_);
    if (ended_) return;  // cancelled while it waited for its turn; whoever asked may be gone
  }
  provider::MemberRequest request = options_.request(member());
  {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    if (options_.spans) span_ = options_.spans->begin_call(member().config, request);
    asked_ = request.request;
    seen_ = {};
    most_output_.reset();
    written_ = 0;
    begin_ = std::chrono::steady_clock::now();
  }
  const Purse& purse = options_.purse;
  if (purse.is_empty()) return send(std::move(request));
  const auto& price = member().config.price;
  const chat::Usage most = provider::most_it_may_use(member().config, request.request);
  if (const auto output = most_output(purse, most, price); output && *output < most.output) {
    // A shorter answer rather than none; a budget without room for a token refuses it.
    request.request.sampling.max_tokens = std::max<std::int64_t>(1, *output);
    const std::scoped_lock held(lock_);
    most_output_ = asked_.sampling.max_tokens = request.request.sampling.max_tokens;
  }
  ledger::Spending spending;
  if (!options_.payer.empty()) spending.subjects.push_back("key:" + options_.payer);
  spending.subjects.push_back("member:" + member().config.name);
  spending.amount = amount_of(provider::most_it_may_use(member().config, request.request));
  spending.purpose = {request.request_id, options_.turn, member().config.name, {}};
  if (price)
    spending.purpose.price =
        ledger::Price{price->input, price->output, price->cached_input.value_or(price->input)};
  pay(purse, std::move(spending),
      [self = shared_from_this(), request = std::move(request)](Paid paid) mutable {
        self->paid(std::move(paid), std::move(request));
      });
}

void TurnCall::paid(Paid paid, provider::MemberRequest request) {
  if (!paid) {
    ApiError error = api_error(paid.error().error);
    if (error.error.tag != "budget_exceeded") {  // it cannot be counted now
      error.status = 503;
      error.should_retry = true;
      error.retry_after = std::chrono::seconds(1);
    }
    return give_up(std::move(error));
  }
  {
    const std::scoped_lock held(lock_);
    if (ended_) {
      paid->settle({});  // nothing was sent
      return;
    }
    payment_ = std::move(*paid);
  }
  send(std::move(request));
}

void TurnCall::send(provider::MemberRequest request) {
  provider::MemberReceiver receiver;
  // Weak: the call that is under way belongs to this object, and must not keep it.
  const std::weak_ptr<TurnCall> weak = weak_from_this();
  if (request.request.stream) {
    receiver.delta = [weak](const chat::Delta& delta) {
      const auto self = weak.lock();
      if (!self) return;
      {
        const std::scoped_lock held(self->lock_);
        if (self->ended_) return;
        self->passed_on_ = true;
        if (delta.usage) self->seen_ = *delta.usage;
        self->written_ += delta.text.size() + delta.reasoning.size();
        // A token has four bytes or fewer; a member that writes on does not keep to its limit.
        if (self->most_output_ &&
            self->written_ / 8 > static_cast<std::size_t>(*self->most_output_)) {
          self->services_.executor.post([self] { self->overrun(); });
          return;
        }
      }
      if (self->options_.delta) self->options_.delta(delta);
    };
  }
  receiver.done = [weak](chat::ChatReply reply) {
    if (const auto self = weak.lock()) self->answered(std::move(reply));
  };
  receiver.failed = [weak](const provider::Failure& failure) {
    if (const auto self = weak.lock()) self->failed(failure);
  };
  const std::size_t asked = next_;
  std::unique_ptr<provider::PendingCall> pending =
      member().member->call(std::move(request), std::move(receiver));
  // Let go of outside the lock, because it may wait for its callback. The call may have failed
  // before it returned, and the next member been asked on another thread: its call stays.
  std::unique_ptr<provider::PendingCall> dropped;
  const std::scoped_lock held(lock_);
  if (ended_ || next_ != asked)
    dropped = std::move(pending);
  else
    dropped = std::exchange(pending_, std::move(pending));
}

void TurnCall::answered(chat::ChatReply reply) {
  TurnAnswer answer;
  Done done;
  {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    ended_ = true;
    done = std::move(done_);
    answer.member = &member();
    answer.usage = reply.usage ? *reply.usage : provider::estimated_usage(asked_, reply.message);
    answer.cost_micro_usd = member().cost(answer.usage);
    answer.ms = seconds_since(begin_) * 1e3;
    answer.fallbacks = fallbacks_;
    if (options_.spans) options_.spans->end_call(span_, reply, answer.usage, answer.cost_micro_usd);
    if (payment_) payment_->settle(amount_of(answer.usage), answer.usage.estimated);
    payment_.reset();
  }
  const std::string& name = answer.member->config.name;
  services_.counts.calls.add({name, "ok"});
  services_.counts.upstream.observe({name}, answer.ms / 1e3);
  services_.counts.tokens.add({name, "input"}, static_cast<double>(answer.usage.input));
  services_.counts.tokens.add({name, "output"}, static_cast<double>(answer.usage.output));
  services_.counts.tokens.add({name, "cached"}, static_cast<double>(answer.usage.cached_input));
  if (answer.cost_micro_usd)
    services_.counts.cost.add({name}, static_cast<double>(*answer.cost_micro_usd) / 1e6);
  answer.reply = std::move(reply);
  done(std::move(answer));
}

void TurnCall::failed(const provider::Failure& failure) {
  Done done;
  bool spent = false, another = false;
  const std::string name = member().config.name;
  const char* const reason = provider::failure_class_name(failure.failure);
  {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    fail_span(reason);
    if (payment_) {
      // An answer that says no costs nothing; one that was cut off may have.
      if (failure.sent && !failure.status) {
        chat::Usage input;
        input.input = provider::estimated_input(asked_);
        payment_->cancel(amount_of(seen_), amount_of(input));
      } else {
        payment_->settle({0, 0, failure.sent ? 1 : 0});
      }
    }
    payment_.reset();
    spent = spent_ = spent_ || (failure.sent && !failure.status);
    another =
        is_its_own_fault(failure.failure) && !passed_on_ && next_ + 1 < options_.candidates.size();
    if (another) {
      fallbacks_.push_back(name + ": " + reason);
      ++next_;
    } else {
      ended_ = true;
      done = std::move(done_);
    }
  }
  services_.counts.calls.add({name, reason});
  if (!another) return done(tl::unexpected(TurnFailure{api_error(failure, spent), spent}));
  services_.counts.fallbacks.add({name, reason});
  // Not inside the callback of the call that failed, which goes with the next one.
  services_.executor.post([self = shared_from_this()] { self->ask(); });
}

/// The answer is longer than the request's own budget has room for: it is cut off.
void TurnCall::overrun() {
  std::unique_ptr<provider::PendingCall> pending;
  {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    spent_ = true;
    chat::Usage written = seen_;
    written.input = provider::estimated_input(asked_);
    written.output = std::max(written.output, static_cast<std::int64_t>(written_ / 4));
    if (payment_) payment_->cancel(amount_of(written), amount_of(written));
    payment_.reset();
    pending = std::move(pending_);
  }
  if (pending) pending->cancel();
  give_up(api_error(Error{ErrorKind::failed, "budget_exceeded",
                          "the member writes on beyond what this request's budget has room for, "
                          "and was cut off; allow more, or ask for less"}));
}

void TurnCall::cancel() {
  std::unique_ptr<provider::PendingCall> pending;
  {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    ended_ = true;
    fail_span("cancelled");
    done_ = {};
    if (payment_) {
      chat::Usage input;
      input.input = provider::estimated_input(asked_);
      payment_->cancel(amount_of(seen_), amount_of(input));
    }
    payment_.reset();
    pending = std::move(pending_);
  }
  if (pending) pending->cancel();
}

}  // namespace trinity::serve
