// One request read by the parser alone, with the bytes coming in pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_parser.h"

namespace trinity::testing {

struct ParsedRequest {
  int status = 0;  // of the refusal; 0: none
  std::string why;
  bool complete = false;
  std::string method, target, body;
  std::size_t consumed = 0;
};

/// `cuts`, ascending, say where one piece ends and the next begins.
inline ParsedRequest parse_whole(std::string_view bytes,
                                 const std::vector<std::size_t>& cuts = {}) {
  ParsedRequest parsed;
  const auto refuse = [&](int status, std::string why) {
    parsed.status = status;
    parsed.why = std::move(why);
    return parsed;
  };
  std::string in;
  std::size_t scanned = 0, piece = 0, taken = 0;
  bool has_head = false;
  net::BodyReader body;
  while (taken < bytes.size()) {
    const std::size_t end = piece < cuts.size() ? cuts[piece++] : bytes.size();
    in.append(bytes.substr(taken, end - taken));
    taken = end;
    if (!has_head) {
      const auto head_end = net::find_head_end(in, scanned);
      if (!head_end) return refuse(head_end.error().status, head_end.error().why);
      if (*head_end == 0) continue;
      auto head = net::parse_request_head(std::string_view(in).substr(0, *head_end), {});
      if (!head) return refuse(head.error().status, head.error().why);
      has_head = true;
      parsed.method = head->request.method;
      parsed.target = head->request.target;
      body = net::BodyReader(head->framing, head->length, net::BodyReader::Rules::strict);
      in.erase(0, *head_end);
      parsed.consumed = *head_end;
    }
    while (!body.done()) {
      const auto step = body.next(in);
      if (step.wrong) return refuse(400, step.wrong);
      parsed.body += step.piece;
      parsed.consumed += step.consumed;
      in.erase(0, step.consumed);
      if (step.consumed == 0) break;
    }
    if (body.done()) break;
  }
  parsed.complete = has_head && body.done();
  return parsed;
}

}  // namespace trinity::testing
