// Heads and chunks as bytes. Control characters in a value become spaces, and a field whose name is
// none is left out, so that nothing that is written can begin a second message.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "net/http.h"

namespace trinity::net {

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::chrono::system_clock::time_point time);

/// A response's head is its status line, its fields without those that frame it, what `framing`
/// adds
/// ("Content-Length: 3\r\n" or "Transfer-Encoding: chunked\r\n"), and Date unless it has one.
void append_response_head(std::string& out, const HttpResponse& response, std::string_view framing,
                          std::string_view connection);

/// A request's head. Host comes first; Content-Length is written if there is a body or the method
/// is one that has bodies.
void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         std::string_view host, const Fields& fields, std::size_t body_bytes);

/// A chunk with its size; a piece must not be empty, because that would end the body.
void append_chunk(std::string& out, std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace trinity::net
