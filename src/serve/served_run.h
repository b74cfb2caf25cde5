// A request that is worked on: by the loop, turn by turn, or by a member that the client named.
//
// One object works on one request. It waits for nothing: the router is asked on a thread of the
// executor, members call back, and a client that goes away cancels whatever is under way. It lives
// in Services::active until it has ended.
#pragma once

#include <memory>
#include <string>

#include "serve/answer_form.h"
#include "serve/answer_writer.h"
#include "serve/request_limits.h"
#include "serve/services.h"

namespace trinity::serve {

struct RunRequest {
  std::shared_ptr<Request> request;
  Asked asked;
  ModelChoice choice;
  std::shared_ptr<const provider::Pool> pool;
  AnswerForm form;
  int depth = 0;         // coordinators that this request has passed through
  RequestLimits limits;  // the client's own
  Purse purse;           // that pays for it
};

/// Begins; the answer follows by itself.
void start_run(Services& services, RunRequest run);
void start_direct(Services& services, RunRequest run);

}  // namespace trinity::serve
