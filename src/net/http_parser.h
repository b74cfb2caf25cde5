// A strict reader of HTTP/1.1 messages: heads and bodies out of bytes as they come. No sockets.
//
// What two parsers could read differently is refused, because a request that means one thing to a
// proxy and another to this program lets a stranger's request ride on somebody's connection: bare
// LF or CR, control characters, folded lines, spaces before a colon, a second Host, two lengths,
// any transfer coding but `chunked` (RFC 9112). Responses are read by the same rules, with three
// allowances that servers need: a length repeated with the same value, a length beside `chunked`
// (which then counts), and spaces behind a chunk's size.
//
// Use: find_head_end tells where a head ends, parse_*_head reads it and says how its body is
// framed, BodyReader takes that body out of what follows, piece by piece and without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "net/http.h"

namespace trinity::net {

/// Why a message is refused; `why` completes "bad request: ".
struct Refusal {
  int status = 400;
  std::string why;
};

/// The length of the head at the beginning of `in`, with the empty line that ends it; 0 while there
/// is more to come. `scanned` is the caller's note of how far earlier calls came: 0 at first.
tl::expected<std::size_t, Refusal> find_head_end(std::string_view in, std::size_t& scanned);

enum class Framing { none, fixed, chunked, until_close };

struct RequestHead {
  HttpRequest request;     // without its body
  bool is_1_1 = true;      // else HTTP/1.0
  bool keep_alive = true;  // the client may send another request
  Framing framing = Framing::none;
  std::uint64_t length = 0;  // of a fixed body
  bool expects_continue = false;
  bool gzip = false;  // the body's coding; the field is taken out
};

struct RequestRules {
  std::size_t fields = 100;
  bool encoded_slash = false;  // allow "%2F" in a path
};

tl::expected<RequestHead, Refusal> parse_request_head(std::string_view head,
                                                      const RequestRules& rules);

struct ResponseHead {
  int status = 0;
  Fields fields;
  bool keep_alive = true;
  Framing framing = Framing::none;  // of a response to anything but HEAD
  std::uint64_t length = 0;
};

tl::expected<ResponseHead, Refusal> parse_response_head(std::string_view head);

/// Takes a body out of the bytes behind a head.
class BodyReader {
 public:
  enum class Rules { strict, response };
  BodyReader() = default;  // no body: done
  BodyReader(Framing framing, std::uint64_t length, Rules rules);

  struct Step {
    std::size_t consumed = 0;     // bytes of `in` that are done with
    std::string_view piece;       // of the body, a part of `in`
    const char* wrong = nullptr;  // the body cannot be read, because …
  };
  /// The next piece. An empty one that consumed nothing: more bytes are needed, if it is not done.
  Step next(std::string_view in);
  bool done() const { return state_ == State::done; }
  bool until_close() const { return state_ == State::until_close; }

 private:
  enum class State { done, fixed, until_close, size, data, data_end, trailer };
  const char* read_size(std::string_view line);
  const char* read_trailer(std::string_view line);

  State state_ = State::done;
  Rules rules_ = Rules::strict;
  std::uint64_t left_ = 0;
  std::size_t extra_bytes_ = 0;  // of extensions and trailers so far
  std::size_t trailers_ = 0;
};

}  // namespace trinity::net
