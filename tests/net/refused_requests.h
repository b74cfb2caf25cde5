// Requests that are refused, and with which status: shapes by which requests have been smuggled
// past a proxy, and what else two parsers read differently.
#pragma once

#include <string>
#include <vector>

namespace trinity::testing {

struct RefusedRequest {
  std::string name, bytes;
  int status;
};

inline const std::vector<RefusedRequest>& refused_requests() {
  using namespace std::string_literals;
  static const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  static const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  static const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  static const std::vector<RefusedRequest> requests = {
      // lengths and codings
      {"length and coding",
       post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"coding and length",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"the same length twice", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"a list of lengths", post + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {"a length with a sign", post + "Content-Length: +3\r\n\r\nabc", 400},
      {"a negative length", post + "Content-Length: -3\r\n\r\nabc", 400},
      {"a hexadecimal length", post + "Content-Length: 0x3\r\n\r\nabc", 400},
      {"an empty length", post + "Content-Length:\r\n\r\n", 400},
      {"a length with a space", post + "Content-Length: 1 2\r\n\r\nabc", 400},
      {"a huge length", post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"two coding fields",
       post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked, identity", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
      {"gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"identity coding", post + "Transfer-Encoding: identity\r\n\r\n", 400},
      {"an empty coding", post + "Transfer-Encoding:\r\n\r\n", 400},
      {"a coding with a vertical tab",
       post + "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"a quoted coding", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400},
      {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      // lines
      {"a space before the colon", "POST / HTTP/1.1\r\nHost : x\r\nContent-Length: 0\r\n\r\n", 400},
      {"a coding with a space before the colon",
       post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"a folded line", get + "A: b\r\n c\r\n\r\n", 400},
      {"a line that begins with a tab", get + "\tA: b\r\n\r\n", 400},
      {"a first field that is folded", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400},
      {"bare CR", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", 400},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", 400},
      {"NUL in a value", get + "A: b\0c\r\n\r\n"s, 400},
      {"NUL in a name", get + "A\0: b\r\n\r\n"s, 400},
      {"a control character", get + "A: b\x01\r\n\r\n", 400},
      {"DEL", get + "A: b\x7f\r\n\r\n", 400},
      {"no colon", get + "abc\r\n\r\n", 400},
      {"an empty name", get + ": b\r\n\r\n", 400},
      {"a name with a bracket", get + "A(b): c\r\n\r\n", 400},
      {"a name outside ASCII", get + "\xc3\xa4: c\r\n\r\n", 400},
      {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      // the host
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"a list of hosts", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      // the first line
      {"two words", "GET /\r\nHost: x\r\n\r\n", 400},
      {"four words", "GET / a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a space at the end", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
      {"a tab for a space", "GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a small method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a long method", std::string(40, 'A') + " / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {"a version in small letters", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"a version with a sign", "GET / HTTP/+1.1\r\nHost: x\r\n\r\n", 400},
      // the target
      {"a target with the host", "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a target that is a host", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a star", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a target without slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"two slashes", "GET //x/a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a fragment in the query", "GET /a?b#c HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a backslash", "GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a path outside ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a dot segment", "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a dot segment at the end", "GET /a/.. HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a single dot", "GET /./a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"an encoded dot segment", "GET /a/%2E%2e/b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a half encoded dot segment", "GET /a/.%2e?b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"an encoded slash", "GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"an encoded backslash", "GET /a%5Cb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"an encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"an encoded line break", "GET /a%0d%0ab HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a lone percent sign", "GET /a%b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a percent sign at the end", "GET /a% HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a lone percent sign in the query", "GET /a?%g1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      // chunks
      {"an extension with bare LF", chunked + "3;a\nabc\r\n0\r\n\r\n", 400},
      {"a size with 0x", chunked + "0x3\r\nabc\r\n0\r\n\r\n", 400},
      {"a negative size", chunked + "-3\r\nabc\r\n0\r\n\r\n", 400},
      {"a size with a sign", chunked + "+3\r\nabc\r\n0\r\n\r\n", 400},
      {"a size with a space before", chunked + " 3\r\nabc\r\n0\r\n\r\n", 400},
      {"a size with a space behind", chunked + "3 \r\nabc\r\n0\r\n\r\n", 400},
      {"an empty size", chunked + "\r\nabc\r\n0\r\n\r\n", 400},
      {"a size that overflows", chunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
      {"a size that is too small", chunked + "2\r\nabc\r\n0\r\n\r\n", 400},
      {"a size that is too large", chunked + "4\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk that ends with LF", chunked + "3\r\nabc\n0\r\n\r\n", 400},
      {"an extension with a control character", chunked + "3;\x01\r\nabc\r\n0\r\n\r\n", 400},
      {"a trailer without colon", chunked + "0\r\nabc\r\n\r\n", 400},
      {"a folded trailer", chunked + "0\r\nA: b\r\n c\r\n\r\n", 400},
      // what is not done
      {"another expectation", post + "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc", 417},
      {"a body in deflate", post + "Content-Encoding: deflate\r\nContent-Length: 3\r\n\r\nabc",
       415},
      {"a body in gzip twice",
       post + "Content-Encoding: gzip, gzip\r\nContent-Length: 3\r\n\r\nabc", 415},
  };
  return requests;
}

}  // namespace trinity::testing
