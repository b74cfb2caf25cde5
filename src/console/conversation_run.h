// One run: the loop driven by the router and the pool, until it ends or Ctrl-C does.
#pragma once

#include <trinity/router.h>

#include <memory>
#include <string>
#include <vector>

#include "console/interruption.h"
#include "console/member_call.h"
#include "console/run_log.h"

namespace trinity::console {

/// Everything that it refers to must outlive the run.
struct RunSetup {
  const Router& router;
  const provider::Pool& pool;
  coordinate::LoopOptions loop;
  std::shared_ptr<trace::Sink> trace;  // may be nothing
  std::vector<std::string> secrets;    // that the trace must not hold
  RunListener* listener = nullptr;
  OnText on_worker_text;        // empty: members are asked for whole texts
  bool trace_messages = false;  // the trace records what the router reads
};

struct RunEnd {
  coordinate::Finished finished;
  std::shared_ptr<const RunLog> log;
  std::string run_id;
  double ms = 0;
  int signal = 0;  // that cancelled it; 0: none
};

/// What a run needs to know of router and pool, filled into its options.
void fit_loop(coordinate::LoopOptions& options, const Router& router, const provider::Pool& pool);

RunEnd run_conversation(const RunSetup& setup, std::vector<Message> conversation,
                        const Interruption& interruption);

}  // namespace trinity::console
