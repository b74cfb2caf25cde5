// Any bytes as the replies of a Redis: refused, incomplete, or a reply that is the same however the
// bytes are cut.
#include "ledger/resp.h"

#include <cstdint>

#include "input.h"

using trinity::fuzz::require;
using trinity::ledger::RespReply;

namespace {

bool same(const RespReply& a, const RespReply& b) {
  if (a.type != b.type || a.text != b.text || a.integer != b.integer ||
      a.elements.size() != b.elements.size())
    return false;
  for (std::size_t i = 0; i < a.elements.size(); ++i)
    if (!same(a.elements[i], b.elements[i])) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (;;) {
    std::string_view rest = bytes;
    const auto reply = trinity::ledger::take_resp_reply(rest);
    if (!reply) {
      trinity::fuzz::require_clear(reply.error());
      return 0;
    }
    if (!*reply) {
      require(rest == bytes, "what is not complete stays");
      return 0;
    }
    const std::size_t taken = bytes.size() - rest.size();
    require(taken > 0, "a reply has bytes");
    // Without what follows it is the same, and without its last byte it is not complete.
    std::string_view alone = bytes.substr(0, taken);
    const auto again = trinity::ledger::take_resp_reply(alone);
    require(again && *again && alone.empty() && same(**again, **reply));
    std::string_view cut = bytes.substr(0, taken - 1);
    const auto incomplete = trinity::ledger::take_resp_reply(cut);
    require(incomplete && !*incomplete, "a cut reply is waited for");
    bytes = rest;
  }
}
