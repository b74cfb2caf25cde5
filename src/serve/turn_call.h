// One turn's call of a member: paid for, and handed on to the next-best member when one fails.
//
// A reservation is made before a call leaves and settled by what the call came to; a call that is
// cut off is charged at what was seen of it, or its estimate. A member that fails through no fault
// of the request, before anything of its answer was passed on, is replaced by the next candidate.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/api_error.h"
#include "serve/payment.h"
#include "serve/services.h"
#include "telemetry/request_spans.h"

namespace trinity::serve {

struct TurnCallOptions {
  /// The best first; not empty.
  std::vector<const provider::PoolMember*> candidates;
  /// For the member that is asked; `model` and the deadline are filled in here.
  std::function<provider::MemberRequest(const provider::PoolMember&)> request;
  Purse purse;                                     // that pays
  std::string payer;                               // name of the API key; empty: none
  int turn = 0;                                    // of the run, for the ledger
  std::function<void(const chat::Delta&)> delta;   // of a streamed request
  std::shared_ptr<telemetry::RequestSpans> spans;  // that are told of each call; nothing: none
};

struct TurnAnswer {
  const provider::PoolMember* member = nullptr;
  chat::ChatReply reply;
  chat::Usage usage;
  std::optional<std::int64_t> cost_micro_usd;
  double ms = 0;                       // of the call that answered
  std::vector<std::string> fallbacks;  // "coder: timeout", of those that failed before
};

struct TurnFailure {
  ApiError error;
  bool spent = false;  // a member may have charged for it
};

class TurnCall : public std::enable_shared_from_this<TurnCall> {
 public:
  using Done = std::function<void(tl::expected<TurnAnswer, TurnFailure>)>;

  /// `done` is called once, on any thread, unless it is cancelled. The pool of the candidates
  /// outlives it.
  static std::shared_ptr<TurnCall> make(Services& services, TurnCallOptions options, Done done);
  /// Once. A member that computes may answer before this returns.
  void begin() { ask(); }
  ~TurnCall();

  /// The member's connection is closed and what was spent is charged; nothing is called any more.
  void cancel();

 private:
  TurnCall(Services& services, TurnCallOptions options, Done done);
  void ask();
  void reserve();
  void give_up(ApiError error);
  void paid(Paid paid, provider::MemberRequest request);
  void send(provider::MemberRequest request);
  void answered(chat::ChatReply reply);
  void failed(const provider::Failure& failure);
  void overrun();
  ledger::Amount amount_of(const chat::Usage& usage) const;
  /// Under the lock.
  void fail_span(std::string_view type) const {
    if (options_.spans) options_.spans->fail_call(span_, type);
  }
  const provider::PoolMember& member() const { return *options_.candidates[next_]; }

  Services& services_;
  const InUse in_use_{services_};
  TurnCallOptions options_;
  Done done_;
  std::mutex lock_;
  bool ended_ = false, passed_on_ = false, spent_ = false;
  std::size_t next_ = 0;  // of the candidates: who is asked
  std::vector<std::string> fallbacks_;
  chat::ChatRequest asked_;
  chat::Usage seen_;
  std::optional<std::int64_t> most_output_;  // tokens, as the request's own budget has it
  std::size_t written_ = 0;                  // bytes of a streamed answer
  std::optional<Payment> payment_;
  std::unique_ptr<provider::PendingCall> pending_;
  std::chrono::steady_clock::time_point begin_;
  std::size_t span_ = telemetry::RequestSpans::kNoSpan;
};

}  // namespace trinity::serve
