// Any bytes as a request in any pieces, as a response, and as a gzip body: refused with a reason,
// or read the same whatever the pieces are; what was read and is written anew reads the same again.
#include <cstdint>
#include <vector>

#include "../tests/net/parsed_whole.h"
#include "input.h"
#include "net/gzip_reader.h"
#include "net/http_parser.h"
#include "net/http_writer.h"

using trinity::fuzz::Input;
using trinity::fuzz::require;
using trinity::net::BodyReader;
using trinity::net::GzipReader;

namespace {

constexpr std::string_view kRequest =
    "POST /v1/chat?a=%20b HTTP/1.1\r\nHost: h:1\r\nConnection: keep-alive\r\n"
    "Transfer-Encoding: chunked\r\nX-Text: a b\r\n\r\n3;x\r\nabc\r\n0a\r\n0123456789\r\n0\r\nT: "
    "t\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Text: a\r\n\r\n3 \r\nabc\r\n0\r\n\r\n";

void any_pieces_read_the_same(std::string_view bytes, unsigned seed) {
  const auto whole = trinity::testing::parse_whole(bytes);
  std::vector<std::size_t> cuts;
  for (std::size_t at = 1 + seed % 7; at < bytes.size(); at += 1 + (seed = seed * 75 + 74) % 23)
    cuts.push_back(at);
  const auto pieces = trinity::testing::parse_whole(bytes, cuts);
  require(whole.status == pieces.status, "a refusal does not depend on the pieces");
  require(whole.complete == pieces.complete, "an end does not depend on the pieces");
  require(whole.status != 0 || (whole.body == pieces.body && whole.consumed == pieces.consumed),
          "a body does not depend on the pieces");
  require((whole.status == 0) == whole.why.empty(), "a refusal has a reason");
  require(whole.consumed <= bytes.size(), "no more is used than there is");
}

void what_is_read_can_be_written(std::string_view bytes) {
  std::size_t scanned = 0;
  const auto end = trinity::net::find_head_end(bytes, scanned);
  if (!end || *end == 0) return;
  const auto head = trinity::net::parse_request_head(bytes.substr(0, *end), {});
  if (!head) return;
  std::string written;
  trinity::net::append_request_head(written, head->request.method, head->request.target,
                                    head->request.fields.get("host"), head->request.fields, 0);
  std::size_t again_scanned = 0;
  const auto again_end = trinity::net::find_head_end(written, again_scanned);
  require(again_end && *again_end == written.size(), "what was written is one head");
  const auto again = trinity::net::parse_request_head(written, {1000, false});
  require(again.has_value(), "what was written is read");
  require(again->request.target == head->request.target, "with the same target");
}

void request(std::string_view bytes, unsigned seed) {
  any_pieces_read_the_same(bytes, seed);
  what_is_read_can_be_written(bytes);
}

void response(std::string_view bytes) {
  std::size_t scanned = 0;
  const auto end = trinity::net::find_head_end(bytes, scanned);
  if (!end || *end == 0) return;
  const auto head = trinity::net::parse_response_head(bytes.substr(0, *end));
  if (!head) return require(!head.error().why.empty());
  BodyReader body(head->framing, head->length, BodyReader::Rules::response);
  std::string_view rest = bytes.substr(*end);
  while (!body.done()) {
    const auto step = body.next(rest);
    require(step.consumed <= rest.size() && step.piece.size() <= step.consumed);
    if (step.wrong || step.consumed == 0) return;
    rest.remove_prefix(step.consumed);
  }
}

void gzip(std::string_view bytes) {
  GzipReader reader;
  std::string out;
  constexpr std::size_t limit = 1 << 16;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, 1 + bytes.size() / 3);
    const auto outcome = reader.feed(piece, out, limit);
    require(out.size() <= limit, "the limit holds");
    if (outcome != GzipReader::Outcome::more) return;
    bytes.remove_prefix(piece.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned kind = data[0], seed = data[1];
  const std::string bytes =
      trinity::fuzz::bytes_or_edit(data + 2, size - 2, kind % 4 == 2 ? kResponse : kRequest);
  if (kind % 4 == 3)
    gzip(bytes);
  else if (kind % 4 == 2)
    response(bytes);
  else
    request(bytes, seed);
  return 0;
}
