// What the tests of chat calls share: random values that a dialect can express, and streams cut
// into pieces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/chat.h"

namespace trinity::chat::testing {

/// SplitMix64: the same numbers everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t end) { return next() % end; }
  bool chance(std::size_t one_of) { return below(one_of) == 0; }

  std::string text();       // not empty, with quotes, line feeds and characters of every length
  std::string name();       // [a-z_]+
  std::string arguments();  // a JSON object

 private:
  std::uint64_t state_;
};

/// A request in the form that its dialect's reader gives, with everything that the dialect can say.
ChatRequest random_request(Random& random, Dialect dialect);
/// A reply that the dialect can say. Ids are never empty.
ChatReply random_reply(Random& random, Dialect dialect);
/// The reply cut into pieces, anywhere but inside a character.
std::vector<Delta> pieces_of(const ChatReply& reply, Random& random);

/// JSON or a value of type null.
inline Json json(std::string_view text) {
  Result<Json> value = parse_json(text);
  return value ? std::move(*value) : Json();
}

}  // namespace trinity::chat::testing
