// How a call goes through: it waits in the queue, has a place (an attempt is under way), or pauses
// before a retry. What ends it, an answer, a failure, its deadline or its caller, first moves it to
// `over` under the lock; whoever made that move gives the place back and tells the receiver, so
// that both happen once. No foreign function is called under the lock.
#include "provider/guarded_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <random>

#include "base/printable.h"
#include "provider/fair_queue.h"
#include "provider/live_call.h"

namespace trinity::provider {

using std::chrono::milliseconds;
using Time = Timers::Clock::time_point;

namespace {

struct Run {
  enum class Stage { waiting, active, pausing, over };

  MemberRequest request;
  std::shared_ptr<LiveCall> live;
  Time begun, deadline;
  Stage stage = Stage::waiting;
  int attempt = 0;
  bool delivered = false;  // a piece of a stream was passed on
  bool sent = false;
  std::unique_ptr<PendingCall> pending;
  std::uint64_t deadline_timer = 0, pause_timer = 0;
};

using RunPointer = std::shared_ptr<Run>;

/// What a run leaves behind.
struct Remains {
  std::unique_ptr<PendingCall> pending;
  std::uint64_t deadline_timer = 0, pause_timer = 0;
};

milliseconds rounded_up(Timers::Clock::duration time) {
  return std::chrono::ceil<milliseconds>(time);
}

Failure failure_of(FailureClass failure, std::string tag, std::string message, bool sent) {
  Failure made;
  made.failure = failure;
  made.error = {ErrorKind::failed, std::move(tag), std::move(message)};
  made.sent = sent;
  return made;
}

}  // namespace

struct GuardedMember::State : std::enable_shared_from_this<State> {
  State(std::unique_ptr<Member> member, GuardOptions given, std::shared_ptr<Timers> clock)
      : inner(std::move(member)),
        options(std::move(given)),
        timers(std::move(clock)),
        breaker(options.breaker) {}

  void begin(const RunPointer& run);
  void enqueue(const RunPointer& run);
  void launch_next();
  void launch(const RunPointer& run);
  void answered(const RunPointer& run, int attempt, chat::ChatReply reply);
  void attempt_failed(const RunPointer& run, int attempt, Failure failure);
  void out_of_time(const RunPointer& run);
  void cancelled(const RunPointer& run);
  /// Moves a run to `over` and gives back its place. Under the lock, of a run that is not over.
  Remains end(const RunPointer& run);
  /// What is left to do without the lock: after it the receiver is told, then launch_next.
  void clear(Remains remains, bool cancel);
  std::optional<milliseconds> retry_after(const Run& run, const Failure& failure, Time now);
  double random();

  const std::unique_ptr<Member> inner;
  const GuardOptions options;
  const std::shared_ptr<Timers> timers;

  mutable std::mutex mutex;
  Breaker breaker;
  FairQueue<RunPointer> queue;
  MemberHealth counts;
  std::size_t active = 0;
  std::minstd_rand generator{std::random_device{}()};
};

std::uint64_t MemberHealth::failed() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : failures) sum += count;
  return sum;
}

double GuardedMember::State::random() {
  return options.random ? options.random()
                        : std::uniform_real_distribution<double>(0, 1)(generator);
}

void GuardedMember::State::begin(const RunPointer& run) {
  run->begun = timers->now();
  milliseconds patience = options.timeout;
  if (run->request.deadline > milliseconds(0)) patience = std::min(patience, run->request.deadline);
  run->deadline = run->begun + patience;
  bool full = false;
  {
    const std::lock_guard lock(mutex);
    ++counts.calls;
    full = active >= static_cast<std::size_t>(options.max_parallel) &&
           queue.size() >= options.max_waiting;
    if (full) {
      ++counts.refused;
      run->stage = Run::Stage::over;
    }
  }
  if (full) {
    Failure failure =
        failure_of(FailureClass::overloaded, "member_busy",
                   fmt::format("{} calls of member {} are under way and {} wait: ask again later",
                               options.max_parallel, options.name, options.max_waiting),
                   false);
    timers->after(milliseconds(0), [run, failure] { run->live->failed(failure); });
    return;
  }
  run->deadline_timer = timers->after(patience, [self = weak_from_this(), run] {
    if (const auto state = self.lock()) state->out_of_time(run);
  });
  enqueue(run);
}

void GuardedMember::State::enqueue(const RunPointer& run) {
  {
    const std::lock_guard lock(mutex);
    if (run->stage == Run::Stage::over) return;
    run->stage = Run::Stage::waiting;
    queue.push(run->request.client, run);
  }
  launch_next();
}

void GuardedMember::State::launch_next() {
  while (true) {
    RunPointer run;
    {
      const std::lock_guard lock(mutex);
      if (active >= static_cast<std::size_t>(options.max_parallel)) return;
      std::optional<RunPointer> next = queue.pop();
      if (!next) return;
      run = std::move(*next);
      run->stage = Run::Stage::active;
      ++active;
    }
    launch(run);
  }
}

void GuardedMember::State::launch(const RunPointer& run) {
  const Time now = timers->now();
  int attempt = 0;
  std::optional<milliseconds> rest;
  std::string last;
  {
    const std::lock_guard lock(mutex);
    if (run->stage != Run::Stage::active) return;
    rest = breaker.refuses(now);
    last = counts.last_failure;
    if (rest) {
      ++counts.refused;
    } else {
      attempt = ++run->attempt;
      ++counts.attempts;
      if (attempt > 1) ++counts.retries;
    }
  }
  if (rest) {
    // Told later, because this may be inside the caller's own call.
    Failure failure =
        failure_of(FailureClass::overloaded, "member_resting",
                   fmt::format("member {} has failed several times in a row and rests "
                               "for {:.1f} s; it said last: {}",
                               options.name, static_cast<double>(rest->count()) / 1e3, last),
                   run->sent);
    failure.retry_after = rest;
    timers->after(milliseconds(0), [self = shared_from_this(), run, failure] {
      Remains remains;
      {
        const std::lock_guard lock(self->mutex);
        if (run->stage == Run::Stage::over) return;
        remains = self->end(run);
      }
      self->clear(std::move(remains), false);
      run->live->failed(failure);
      self->launch_next();
    });
    return;
  }
  MemberRequest request = run->request;
  request.deadline = std::max(milliseconds(1), rounded_up(run->deadline - now));
  MemberReceiver receiver;
  const auto self = shared_from_this();
  receiver.delta = [self, run](const chat::Delta& delta) {
    {
      const std::lock_guard lock(self->mutex);
      run->delivered = true;
    }
    run->live->delta(delta);
  };
  receiver.done = [self, run, attempt](chat::ChatReply reply) {
    self->answered(run, attempt, std::move(reply));
  };
  receiver.failed = [self, run, attempt](Failure failure) {
    self->attempt_failed(run, attempt, std::move(failure));
  };
  std::unique_ptr<PendingCall> pending = inner->call(std::move(request), std::move(receiver));
  const std::lock_guard lock(mutex);
  // It may have ended meanwhile on another thread.
  if (run->stage == Run::Stage::active && run->attempt == attempt) {
    run->sent = true;
    run->pending.swap(pending);
  }
}

Remains GuardedMember::State::end(const RunPointer& run) {
  if (run->stage == Run::Stage::active) --active;
  if (run->stage == Run::Stage::waiting) queue.remove(run->request.client, run);
  run->stage = Run::Stage::over;
  return {std::move(run->pending), run->deadline_timer, run->pause_timer};
}

void GuardedMember::State::clear(Remains remains, bool cancel) {
  timers->cancel(remains.deadline_timer);
  timers->cancel(remains.pause_timer);
  if (cancel && remains.pending) remains.pending->cancel();
}

void GuardedMember::State::answered(const RunPointer& run, int attempt, chat::ChatReply reply) {
  if (!reply.usage)
    reply.usage = estimated_usage(run->request.request, reply.message, options.count);
  Remains remains;
  {
    const std::lock_guard lock(mutex);
    if (run->stage != Run::Stage::active || run->attempt != attempt) return;
    breaker.succeeded();
    ++counts.answered;
    counts.usage += *reply.usage;
    counts.busy += std::chrono::duration_cast<milliseconds>(timers->now() - run->begun);
    if (options.price) counts.cost_micro_usd += cost_micro_usd(*options.price, *reply.usage);
    remains = end(run);
  }
  clear(std::move(remains), false);
  run->live->done(std::move(reply));
  launch_next();
}

/// When to try again, if at all. Called under the lock.
std::optional<milliseconds> GuardedMember::State::retry_after(const Run& run,
                                                              const Failure& failure, Time now) {
  if (!may_help_to_retry(failure.failure) || run.delivered || run.attempt > options.retries)
    return std::nullopt;
  std::optional<milliseconds> delay = failure.retry_after;
  if (delay && *delay > options.delays.max_retry_after) return std::nullopt;
  if (!delay) delay = net::retry_delay(options.delays, run.attempt, std::nullopt, random());
  if (!delay || now + *delay >= run.deadline) return std::nullopt;
  if (breaker.resting(now + *delay)) return std::nullopt;
  return delay;
}

void GuardedMember::State::attempt_failed(const RunPointer& run, int attempt, Failure failure) {
  std::optional<milliseconds> delay;
  Remains remains;
  {
    const std::lock_guard lock(mutex);
    if (run->stage != Run::Stage::active || run->attempt != attempt) return;
    const Time now = timers->now();
    breaker.failed(failure.failure, now);
    ++counts.failures[static_cast<std::size_t>(failure.failure)];
    counts.last_failure = printable(failure.error.message, 300);
    run->sent = run->sent || failure.sent;
    failure.sent = run->sent;
    delay = retry_after(*run, failure, now);
    if (delay) {
      run->stage = Run::Stage::pausing;
      --active;
      remains.pending = std::move(run->pending);
    } else {
      remains = end(run);
    }
  }
  if (!delay) {
    clear(std::move(remains), false);
    run->live->failed(std::move(failure));
    launch_next();
    return;
  }
  const std::uint64_t timer =
      timers->after(*delay, [self = shared_from_this(), run] { self->enqueue(run); });
  bool over = false;
  {
    const std::lock_guard lock(mutex);
    run->pause_timer = timer;
    over = run->stage == Run::Stage::over;
  }
  if (over) timers->cancel(timer);
  launch_next();
}

void GuardedMember::State::out_of_time(const RunPointer& run) {
  const auto waited = std::chrono::duration_cast<milliseconds>(run->deadline - run->begun);
  Failure failure;
  Remains remains;
  {
    const std::lock_guard lock(mutex);
    if (run->stage == Run::Stage::over) return;
    failure = failure_of(
        FailureClass::timeout, "timeout",
        run->attempt == 0
            ? fmt::format("member {} had no place free for {} ms: allow more calls at once "
                          "(max_parallel), or more time",
                          options.name, waited.count())
            : fmt::format("member {} did not answer within {} ms: allow it more time (timeout_ms), "
                          "or ask for less",
                          options.name, waited.count()),
        run->sent);
    if (run->stage == Run::Stage::active) {
      breaker.failed(FailureClass::timeout, timers->now());
      ++counts.failures[static_cast<std::size_t>(FailureClass::timeout)];
      counts.last_failure = failure.error.message;
    }
    remains = end(run);
  }
  clear(std::move(remains), true);
  run->live->failed(std::move(failure));
  launch_next();
}

void GuardedMember::State::cancelled(const RunPointer& run) {
  Remains remains;
  {
    const std::lock_guard lock(mutex);
    if (run->stage == Run::Stage::over) return;
    ++counts.cancelled;
    if (run->stage == Run::Stage::active) breaker.said_nothing();
    remains = end(run);
  }
  clear(std::move(remains), true);
  launch_next();
}

GuardedMember::GuardedMember(std::unique_ptr<Member> inner, GuardOptions options,
                             std::shared_ptr<Timers> timers)
    : state_(std::make_shared<State>(std::move(inner), std::move(options), std::move(timers))) {}

std::unique_ptr<PendingCall> GuardedMember::call(MemberRequest request, MemberReceiver receiver) {
  const auto run = std::make_shared<Run>();
  run->request = std::move(request);
  run->live = std::make_shared<LiveCall>(std::move(receiver));
  state_->begin(run);
  return pending_call(run->live, [state = state_, run](bool) { state->cancelled(run); });
}

MemberHealth GuardedMember::health() const {
  const std::lock_guard lock(state_->mutex);
  MemberHealth health = state_->counts;
  const Time now = state_->timers->now();
  health.in_flight = state_->active;
  health.waiting = state_->queue.size();
  health.resting = state_->breaker.resting(now);
  if (health.resting) {
    Breaker copy = state_->breaker;
    health.rests_for = copy.refuses(now).value_or(milliseconds(0));
  }
  health.cost_known = state_->options.price.has_value();
  return health;
}

}  // namespace trinity::provider
