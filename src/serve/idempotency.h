// The same request twice is one: results that are kept under the key that a client chose.
//
// A client that does not know whether its request arrived sends it again with the same
// Idempotency-Key. Then the first one's answer comes again, whole or as the same stream of bytes,
// with `x-trinity-idempotent-replay: true`, and no member is asked. While the first is at work the
// second is told to come back; another body under a key that is taken is an error.
//
// Kept are answers that may have been paid for: those with status 200, and errors that say that
// asking again is of no use. Others are forgotten, so that asking again does the work. Keys belong
// to who shows them: each API key has its own. What is kept is bounded in time and in bytes; the
// oldest goes first.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "net/http_server.h"
#include "serve/request.h"

namespace trinity::serve {

class Idempotency {
 public:
  struct Limits {
    std::chrono::seconds kept{600};
    std::size_t bytes = std::size_t{64} << 20;        // of all answers
    std::size_t answer_bytes = std::size_t{8} << 20;  // of one; a larger one is not kept
  };
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  Idempotency() : Idempotency(Limits{}) {}
  explicit Idempotency(Limits limits, Clock clock = {});

  /// Looks at the request's key. True: go on, and what is answered is recorded. False: it was
  /// answered here. Errors told to the client: `invalid_request`, `idempotency_key_in_use` (409),
  /// `idempotency_key_reused` (422).
  bool admit(const std::shared_ptr<Request>& request);

  std::size_t size() const;

 private:
  class Recorder;
  struct Kept;
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;  // recorders outlive the server's end
};

}  // namespace trinity::serve
