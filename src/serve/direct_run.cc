// A member that the client named: its request goes through, its answer comes back piece by piece.
#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "chat/assembly.h"
#include "provider/fitness.h"
#include "serve/member_request.h"
#include "serve/run_watch.h"
#include "serve/served_run.h"
#include "serve/signatures.h"
#include "serve/turn_call.h"
#include "serve/turn_record.h"

namespace trinity::serve {
namespace {

class DirectRun : public Work, public std::enable_shared_from_this<DirectRun> {
 public:
  DirectRun(Services& services, RunRequest run)
      : services_(services),
        run_(std::move(run)),
        writer_(make_answer_writer(run_.request, run_.asked)) {}

  void start(const provider::PoolMember& member) {
    run_.request->fields.set("x-trinity-member", member.config.name);
    member_ = member.config.name;
    own_signatures(member);
    const std::weak_ptr<DirectRun> weak = weak_from_this();
    run_.request->exchange().when_gone([weak] {
      if (const auto self = weak.lock()) self->cancel();
    });
    TurnCallOptions options;
    options.candidates = {&member};
    options.request = [self = shared_from_this()](const provider::PoolMember& asked) {
      const RunRequest& run = self->run_;
      provider::MemberRequest request = direct_request(run.asked.call);
      provider::apply_sampling(asked.config.defaults, request.request.sampling);
      request.request_id = run.request->id();
      request.depth = run.depth + 1;
      if (run.limits.time) request.deadline = *run.limits.time;
      return request;
    };
    options.purse = run_.purse;
    options.payer = run_.request->key;
    // A stream's header goes out before its end.
    if (writer_->streams())
      put_budget_left(run_.purse, run_.request->key, member_, run_.request->fields);
    options.spans = run_.request->spans;
    options.delta = [weak](const chat::Delta& delta) {
      if (const auto self = weak.lock()) self->delta(delta);
    };
    auto call = TurnCall::make(services_, std::move(options),
                               [weak](tl::expected<TurnAnswer, TurnFailure> answer) {
                                 if (const auto self = weak.lock()) self->end(std::move(answer));
                               });
    {
      // Before it begins: it may end at once, and a client may have gone already.
      const std::scoped_lock held(lock_);
      if (ended_) return;
      call_ = call;
      watch_.member_begins(member.config);
    }
    call->begin();
  }

 private:
  void delta(const chat::Delta& piece) {
    const std::scoped_lock held(lock_);
    if (ended_) return;
    const chat::Delta out = live_piece(member_, piece, assembly_);
    if (!out.empty()) writer_->delta(out);
  }

  /// Of what other members signed nothing goes to this one.
  void own_signatures(const provider::PoolMember& member) {
    std::vector<chat::ChatMessage>& messages = run_.asked.call.messages;
    const Resumption resumption = resume(services_.tool_ids, messages);
    for (std::size_t n = 0; n < messages.size(); ++n)
      keep_own_signatures(member_, maker_of(*run_.pool, member, resumption.makers[n]),
                          /*is_named=*/true, messages[n]);
  }

  void end(tl::expected<TurnAnswer, TurnFailure> answer) {
    {
      const std::scoped_lock held(lock_);
      if (std::exchange(ended_, true)) return;
      if (answer) {
        net::Fields& fields = run_.request->fields;
        const double overhead = run_.request->age_ms() - answer->ms;
        if (!writer_->streams()) {
          put_budget_left(run_.purse, run_.request->key, member_, fields);
          fields.set("x-trinity-upstream-ms", fmt::format("{:.1f}", answer->ms));
          fields.set("x-trinity-overhead-ms", fmt::format("{:.2f}", overhead));
          if (answer->cost_micro_usd)
            fields.set("x-trinity-cost-usd",
                       fmt::format("{:.6f}", static_cast<double>(*answer->cost_micro_usd) / 1e6));
          fields.set("x-trinity-cached-tokens", std::to_string(answer->usage.cached_input));
        }
        services_.counts.overhead.observe({}, overhead / 1e3);
        watch_.answered(*answer);
        mark_signatures(member_, answer->reply.message.extra);
        Json extra;
        if (run_.form.is_asked() && answer->reply.message.calls.empty()) {
          const auto fault = run_.form.fault_of(answer->reply.message.text());
          fields.set("x-trinity-form", fault ? "invalid" : "valid");
          extra["form"] = form_summary(fault);
        }
        writer_->finish(answer->reply, answer->usage, extra);
      } else {
        watch_.failed(answer.error().error.error);
        writer_->fail(answer.error().error);
      }
      services_.executor.post([call = std::move(call_)]() mutable { call.reset(); });
    }
    services_.active.let_go(this);
  }

  void cancel() override {
    std::shared_ptr<TurnCall> call;
    {
      const std::scoped_lock held(lock_);
      if (std::exchange(ended_, true)) return;
      call = std::move(call_);
    }
    if (call) call->cancel();
    services_.executor.post([call = std::move(call)]() mutable { call.reset(); });
    services_.active.let_go(this);
  }

  Services& services_;
  const InUse in_use_{services_};
  RunRequest run_;
  std::unique_ptr<AnswerWriter> writer_;
  RunWatch watch_{services_, run_};
  std::mutex lock_;
  bool ended_ = false;
  std::string member_;
  chat::Assembly assembly_;
  std::shared_ptr<TurnCall> call_;
};

}  // namespace

void start_direct(Services& services, RunRequest run) {
  const provider::PoolMember* const member = run.pool->find(std::get<MemberModel>(run.choice).name);
  const auto request = run.request;
  // Tools and their kin are the member's own business: who names one may know it better.
  if (const auto unfit = provider::unfit(member->config, run.asked.call);
      unfit && unfit->tag != "unsupported_value")
    return request->fail(api_error(*unfit));
  // The member's own business too; a schema that cannot be checked here goes to it unchecked.
  if (Result<AnswerForm> form = AnswerForm::read(run.asked.call)) run.form = std::move(*form);
  const auto work = std::make_shared<DirectRun>(services, std::move(run));
  services.active.keep(work);
  work->start(*member);
}

}  // namespace trinity::serve
