// What the router read in a turn, as a trace may record it: enough to decide anew.
//
//   {"kept": 3, "messages": [{"role": "assistant", "content": "…"}], "input_mode": "plain",
//    "masked_roles": [2], "needs": ["tools"]}
//
// A conversation grows at its end, so each turn records what is new: it begins with the first
// `kept` messages of the turn before, and goes on with `messages`. `needs` is there where a member
// that cannot meet them would have been passed over.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>
#include <trinity/options.h>

#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"

namespace trinity::trace {

struct RouterInput {
  std::vector<Message> messages;
  InputMode input_mode = InputMode::plain;
  std::vector<int> masked_roles = {};
  std::optional<std::vector<std::string>> needs = {};
};

/// The turns of one run, in their order.
class RouterInputWriter {
 public:
  Json write(const RouterInput& input);

 private:
  std::vector<Message> before_;
};

class RouterInputReader {
 public:
  /// Errors: `invalid_router_input` (not of this form), those of wire::parse_message,
  /// `lost_router_input` (it goes on from a turn that was not read). After an error the next input
  /// that keeps nothing is read again.
  Result<RouterInput> read(const Json& input);

 private:
  std::vector<Message> before_;
};

}  // namespace trinity::trace
