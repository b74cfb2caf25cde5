// RESP2, the protocol of Redis: commands written, replies read from bytes as they arrive.
//
// A reply that is ill-formed, larger than a script of ours can give, or nested deeper is an error:
// whatever is at the other end, it is no Redis that answers us.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::ledger {

struct RespReply {
  enum class Type { text, error, integer, nothing, list };
  Type type = Type::nothing;
  std::string text;  // of text and error
  std::int64_t integer = 0;
  std::vector<RespReply> elements;
};

/// Appends a command: a list of texts, which may hold any byte.
void append_resp_command(std::string& out, std::span<const std::string> words);

/// Takes the first reply off the front of `bytes`; nothing when it is not complete yet. Error
/// `invalid_reply`.
Result<std::optional<RespReply>> take_resp_reply(std::string_view& bytes);

}  // namespace trinity::ledger
