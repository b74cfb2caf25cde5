// Reports one run to the run log, turn by turn.
//
// Whoever works on a request has one and tells it what happens, under its own lock; a watch that is
// destroyed before it was told of an end reports that the run was cancelled. What members and
// clients wrote is cut, and secrets are taken out as for a trace.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serve/run_log.h"
#include "serve/served_run.h"
#include "serve/turn_call.h"
#include "serve/turn_record.h"

namespace trinity::serve {

/// A member that was not asked because it cannot take the request, and why.
struct PassedOver {
  std::string member;
  std::string reason;
};

class RunWatch {
 public:
  RunWatch(const Services& services, const RunRequest& run);
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;
  ~RunWatch();

  /// A turn that the router decided.
  void turn_begins(const TurnRecord& turn, const Decision& decision,
                   const std::vector<PassedOver>& passed_over);
  /// A member that the client named, and no decision; its answer ends the run.
  void member_begins(const provider::MemberConfig& member);
  void answered(const TurnAnswer& answer);
  void failed(const Error& error);
  /// Of the turn that began last. `text`: what was said, for what it says about the run.
  void turn_ends(const TurnRecord& turn, std::string_view text);
  void turn_fails(const Error& error);
  /// Once; `error`: of a run that failed.
  void ends(const std::string& final_status, bool verified, double router_ms, const Error* error);

 private:
  std::string redacted(std::string_view text) const;
  Json role_name(int role_id) const;
  void close_turn(const char* state);

  const Services& services_;
  std::shared_ptr<const provider::Pool> pool_;
  RunRecord run_;
  Json turn_;  // that began last
  bool in_turn_ = false;
};

}  // namespace trinity::serve
