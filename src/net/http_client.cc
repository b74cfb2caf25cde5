// The face of the client: hands calls to its thread, and waits for those who want to wait.
#include "net/http_client.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include "net/client_call.h"

namespace trinity::net {
namespace {

class PendingCall final : public HttpClient::Pending {
 public:
  PendingCall(std::shared_ptr<EventLoop> loop, std::shared_ptr<ClientCall> call)
      : loop_(std::move(loop)), call_(std::move(call)) {}
  ~PendingCall() override { cancel(); }

  void cancel() override {
    if (call_->cancelled.exchange(true)) return;
    if (loop_->is_current())
      call_->cancel();
    else
      loop_->post([call = call_] { call->cancel(); });
  }
  void pause() override { hand_over(&ClientCall::pause); }
  void resume() override { hand_over(&ClientCall::resume); }

 private:
  void hand_over(void (ClientCall::*function)()) {
    loop_->post([call = call_, function] {
      if (!call->cancelled) (*call.*function)();
    });
  }

  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<ClientCall> call_;
};

/// For a request that never got under way.
class NothingPending final : public HttpClient::Pending {
 public:
  void cancel() override {}
  void pause() override {}
  void resume() override {}
};

}  // namespace

struct HttpClient::Impl {
  ClientCore core;
  Result<std::shared_ptr<EventLoop>> loop;
  std::mutex tls_mutex;
  std::optional<Result<std::shared_ptr<TlsContext>>> tls;  // made for the first that needs it
};

HttpClient::HttpClient() : HttpClient(Options()) {}

HttpClient::HttpClient(const Options& options) : impl_(std::make_unique<Impl>()) {
  impl_->core.options = options;
  impl_->loop = EventLoop::start();
  if (impl_->loop) impl_->core.loop = *impl_->loop;
}

HttpClient::~HttpClient() {
  if (!impl_->core.loop) return;
  EventLoop& loop = *impl_->core.loop;
  ClientCore& core = impl_->core;
  if (loop.is_current()) {
    core.close_all();
  } else {
    // Shared: it must last until the other thread is through with it.
    const auto done = std::make_shared<std::promise<void>>();
    if (loop.post([&core, done] {
          core.close_all();
          done->set_value();
        }))
      done->get_future().wait();
  }
  loop.stop();
}

std::unique_ptr<HttpClient::Pending> HttpClient::send(OutgoingRequest request, Receiver receiver) {
  const auto refuse = [&](const Error& error) {
    if (receiver.failed) receiver.failed(error, false);
    return std::make_unique<NothingPending>();
  };
  if (!impl_->loop) return refuse(impl_->loop.error());
  std::shared_ptr<TlsContext> tls;
  if (request.url.scheme == "https") {
    // Reading the system's authorities takes milliseconds, which the loop should not spend.
    const std::scoped_lock lock(impl_->tls_mutex);
    if (!impl_->tls) impl_->tls = TlsContext::create(impl_->core.options.ca_file);
    if (!*impl_->tls) return refuse(impl_->tls->error());
    tls = **impl_->tls;
  }
  ClientCore& core = impl_->core;
  auto call =
      std::make_shared<ClientCall>(core, std::move(tls), std::move(request), std::move(receiver));
  ++core.open;
  core.loop->post([&core, call] {
    if (call->cancelled) return call->cancel();
    core.calls.emplace(call.get(), call);
    call->begin();
  });
  return std::make_unique<PendingCall>(core.loop, std::move(call));
}

Result<HttpResponse> HttpClient::fetch(OutgoingRequest request) {
  struct Outcome {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    HttpResponse response;
    std::optional<Error> error =
        Error{ErrorKind::failed, "cancelled", "the request was cancelled; send it again"};

    void end() {
      const std::lock_guard lock(mutex);
      done = true;
      changed.notify_all();
    }
  };
  const auto outcome = std::make_shared<Outcome>();
  // The receiver's own end is the last word: nothing else tells of one that is cancelled.
  std::shared_ptr<void> last(nullptr, [outcome](void*) { outcome->end(); });
  Receiver receiver;
  receiver.head = [outcome](int status, const Fields& fields) {
    outcome->response.status = status;
    outcome->response.fields = fields;
  };
  receiver.piece = [outcome](std::string_view piece) { outcome->response.body.append(piece); };
  receiver.ended = [outcome, last] { outcome->error.reset(); };
  receiver.failed = [outcome](Error error, bool) { outcome->error = std::move(error); };
  last.reset();
  const std::unique_ptr<Pending> pending = send(std::move(request), std::move(receiver));
  std::unique_lock lock(outcome->mutex);
  outcome->changed.wait(lock, [&] { return outcome->done; });
  if (outcome->error) return tl::unexpected<Error>(std::move(*outcome->error));
  return std::move(outcome->response);
}

HttpClient::Counts HttpClient::counts() const {
  const ClientCore& core = impl_->core;
  return {core.requests, core.connections, core.open};
}

}  // namespace trinity::net
