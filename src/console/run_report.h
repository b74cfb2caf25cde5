// What a run came to: its record for programs, and its end for people.
#pragma once

#include <string>

#include "base/json_value.h"
#include "console/conversation_run.h"
#include "report/style.h"

namespace trinity::console {

/// Facts of the surroundings that the record states.
struct RunSurroundings {
  std::string pool;          // "demo", or the file
  std::string loop_profile;  // "safe", ...
  bool tiny_router = false;
};

/// Without schema_version and id.
Json run_record(const RunEnd& end, const RunSurroundings& around);
/// The same of a member that was asked directly.
Json direct_record(const Result<MemberReply>& reply, const provider::MemberConfig& member,
                   const RunSurroundings& around, double ms);

/// The answer set apart, whether it is verified, why the run ended, and what it has used.
std::string run_end_text(const RunEnd& end, const provider::Pool& pool, report::Style style);

/// "2 calls, 120 + 44 tokens, $0"
std::string total_text(const Spent& spent);

}  // namespace trinity::console
