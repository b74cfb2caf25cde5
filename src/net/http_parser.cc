// Heads are scanned once for bytes that must not be there, then split at CRLF. See
// net/http_parser.h for what is refused and why. Tested by tests/net/http_parser_test.cc, fuzzed by
// fuzz/http.cc.
#include "net/http_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "net/url.h"

namespace trinity::net {
namespace {

constexpr std::size_t kMaxChunkLine = 4096;       // a size with its extensions, or a trailer
constexpr std::size_t kMaxExtraBytes = 64 << 10;  // all extensions and trailers of a body
constexpr std::size_t kMaxTrailers = 100;
constexpr std::size_t kMaxMethod = 32;

tl::unexpected<Refusal> refuse(std::string why, int status = 400) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(why)});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The line at the front of `text`, taken off with its CRLF. Heads end with one.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

/// The fields of a head behind its first line.
tl::expected<Fields, Refusal> parse_fields(std::string_view text, std::size_t most) {
  Fields fields;
  while (true) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t')
      return refuse("a line of the header begins with a space");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return refuse("a line of the header has no colon");
    if (!is_field_name(line.substr(0, colon)))
      return refuse("a field's name has characters that it must not have");
    if (fields.size() == most)
      return refuse("the header has more than " + std::to_string(most) + " fields", 431);
    fields.add(std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
  }
  return fields;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t length = 0;
  if (text.empty() || text.size() > 18 || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

bool is_host(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_letter(c) || is_digit(c) ||
           (c != '\0' && std::string_view("-._~%!$&'()*+;=:[]").find(c) != std::string_view::npos);
  });
}

/// What is wrong with a percent-encoded octet at the front, "" for nothing.
std::string_view wrong_escape(std::string_view at) {
  if (at.size() < 3 || hex_value(at[1]) < 0 || hex_value(at[2]) < 0)
    return "the target has a percent sign without two hexadecimal digits";
  return {};
}

std::string_view wrong_path(std::string_view path, bool encoded_slash) {
  if (path.starts_with("//")) return "the target begins with two slashes";
  std::string segment;  // decoded
  for (std::size_t i = 1; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      if (segment == "." || segment == "..") return "the path has a dot segment";
      segment.clear();
      continue;
    }
    char c = path[i];
    if (c == '%') {
      if (const std::string_view wrong = wrong_escape(path.substr(i)); !wrong.empty()) return wrong;
      c = static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
      i += 2;
      if (c == '/' && !encoded_slash) return "the path has an encoded slash";
      if (c == '\\') return "the path has an encoded backslash";
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        return "the path has an encoded control character";
    } else if (!is_letter(c) && !is_digit(c) &&
               std::string_view("-._~!$&'()*+,;=:@").find(c) == std::string_view::npos) {
      return "the path has a character that must be percent-encoded";
    }
    segment += c;
  }
  return {};
}

std::string_view wrong_target(std::string_view method, std::string_view target,
                              const RequestRules& rules) {
  if (method == "CONNECT") return "this server is no proxy";
  if (target == "*")
    return method == "OPTIONS" ? std::string_view() : "the target * is for OPTIONS only";
  if (!target.starts_with('/')) return "the target must be a path that begins with a slash";
  const std::size_t query = std::min(target.find('?'), target.size());
  if (const std::string_view wrong = wrong_path(target.substr(0, query), rules.encoded_slash);
      !wrong.empty())
    return wrong;
  for (std::size_t i = query; i < target.size(); ++i) {
    const auto byte = static_cast<unsigned char>(target[i]);
    if (byte <= 0x20 || byte >= 0x7f || byte == '#')
      return "the query has a character that must be percent-encoded";
    if (byte == '%')
      if (const std::string_view wrong = wrong_escape(target.substr(i)); !wrong.empty())
        return wrong;
  }
  return {};
}

tl::expected<void, Refusal> frame_request(RequestHead& head) {
  const Fields& fields = head.request.fields;
  const std::size_t hosts = fields.count("host");
  if (hosts > 1) return refuse("there is more than one Host");
  if (hosts == 0 && head.is_1_1) return refuse("there is no Host");
  if (!is_host(fields.get("host"))) return refuse("the Host is no name, address or port");
  const std::size_t codings = fields.count("transfer-encoding");
  const std::size_t lengths = fields.count("content-length");
  if (codings > 0) {
    if (lengths > 0) return refuse("there are Transfer-Encoding and Content-Length");
    if (!head.is_1_1) return refuse("HTTP/1.0 has no Transfer-Encoding");
    if (codings > 1 || !same_without_case(fields.get("transfer-encoding"), "chunked"))
      return refuse("the Transfer-Encoding is not chunked");
    head.framing = Framing::chunked;
    return {};
  }
  if (lengths > 1) return refuse("there is more than one Content-Length");
  if (lengths == 1) {
    const auto length = parse_length(fields.get("content-length"));
    if (!length) return refuse("the Content-Length is no number");
    head.length = *length;
    head.framing = *length > 0 ? Framing::fixed : Framing::none;
  }
  return {};
}

tl::expected<void, Refusal> read_expectation_and_coding(RequestHead& head) {
  Fields& fields = head.request.fields;
  if (const std::string* expected = fields.find("expect"); expected && head.is_1_1) {
    if (!same_without_case(*expected, "100-continue"))
      return refuse("only 100-continue can be expected", 417);
    head.expects_continue = true;
  }
  if (fields.contains("content-encoding")) {
    const std::string_view coding = fields.get("content-encoding");
    head.gzip = same_without_case(coding, "gzip") || same_without_case(coding, "x-gzip");
    if (fields.count("content-encoding") > 1 ||
        (!head.gzip && !same_without_case(coding, "identity")))
      return refuse("the body's Content-Encoding is not gzip", 415);
    fields.remove("content-encoding");
  }
  return {};
}

}  // namespace

tl::expected<std::size_t, Refusal> find_head_end(std::string_view in, std::size_t& scanned) {
  for (std::size_t i = scanned; i < in.size(); ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    const bool after_cr = i > 0 && in[i - 1] == '\r';
    if (byte == '\n') {
      if (!after_cr) return refuse("a line ends with a bare LF");
      if (i == 1) return refuse("the first line is empty");
      if (i >= 3 && in[i - 2] == '\n') {
        scanned = i + 1;
        return i + 1;
      }
    } else if (after_cr) {
      return refuse("there is a CR without LF");
    } else if (byte == 0) {
      return refuse("there is a NUL in the header");
    } else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f) {
      return refuse("there is a control character in the header");
    }
  }
  scanned = in.size();
  return 0;
}

tl::expected<RequestHead, Refusal> parse_request_head(std::string_view text,
                                                      const RequestRules& rules) {
  RequestHead head;
  const std::string_view line = take_line(text);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse("the first line is not: method, target, version");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method.empty() || method.size() > kMaxMethod ||
      !std::all_of(method.begin(), method.end(),
                   [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }))
    return refuse("the method is no word of capital letters");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool is_version = version.size() == 8 && version.starts_with("HTTP/") &&
                            is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    return refuse("the version is neither HTTP/1.1 nor HTTP/1.0", is_version ? 505 : 400);
  }
  head.is_1_1 = version == "HTTP/1.1";
  if (const std::string_view wrong = wrong_target(method, target, rules); !wrong.empty())
    return refuse(std::string(wrong));
  auto fields = parse_fields(text, rules.fields);
  if (!fields) return tl::unexpected<Refusal>(std::move(fields.error()));
  head.request.method = method;
  head.request.target = target;
  head.request.fields = std::move(*fields);
  if (auto framed = frame_request(head); !framed)
    return tl::unexpected<Refusal>(std::move(framed.error()));
  if (auto read = read_expectation_and_coding(head); !read)
    return tl::unexpected<Refusal>(std::move(read.error()));
  head.keep_alive = head.is_1_1 ? !lists_word(head.request.fields, "connection", "close")
                                : lists_word(head.request.fields, "connection", "keep-alive") &&
                                      !lists_word(head.request.fields, "connection", "close");
  return head;
}

tl::expected<ResponseHead, Refusal> parse_response_head(std::string_view text) {
  ResponseHead head;
  const std::string_view line = take_line(text);
  const bool is_1_1 = line.starts_with("HTTP/1.1 ");
  if ((!is_1_1 && !line.starts_with("HTTP/1.0 ")) || line.size() < 12 || !is_digit(line[9]) ||
      !is_digit(line[10]) || !is_digit(line[11]) || (line.size() > 12 && line[12] != ' '))
    return refuse("the first line is not: version, status, reason");
  head.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (head.status < 100) return refuse("the status is below 100");
  auto fields = parse_fields(text, std::numeric_limits<std::size_t>::max());
  if (!fields) return tl::unexpected<Refusal>(std::move(fields.error()));
  head.fields = std::move(*fields);
  head.keep_alive = !lists_word(head.fields, "connection", "close") &&
                    (is_1_1 || lists_word(head.fields, "connection", "keep-alive"));
  if (head.status < 200 || head.status == 204 || head.status == 304) return head;
  if (head.fields.contains("transfer-encoding")) {
    if (!is_1_1) return refuse("HTTP/1.0 has no Transfer-Encoding");
    if (head.fields.count("transfer-encoding") > 1 ||
        !same_without_case(head.fields.get("transfer-encoding"), "chunked"))
      return refuse("the Transfer-Encoding is not chunked");
    head.framing = Framing::chunked;
    if (head.fields.contains("content-length")) head.keep_alive = false;
    return head;
  }
  std::optional<std::uint64_t> length;
  for (const auto& [name, value] : head.fields) {
    if (!same_without_case(name, "content-length")) continue;
    const auto this_one = parse_length(value);
    if (!this_one) return refuse("the Content-Length is no number");
    if (length && *length != *this_one) return refuse("there are two different Content-Length");
    length = this_one;
  }
  head.framing = !length ? Framing::until_close : *length > 0 ? Framing::fixed : Framing::none;
  head.length = length.value_or(0);
  if (!length) head.keep_alive = false;
  return head;
}

BodyReader::BodyReader(Framing framing, std::uint64_t length, Rules rules)
    : rules_(rules), left_(length) {
  switch (framing) {
    case Framing::none:
      break;
    case Framing::fixed:
      state_ = length > 0 ? State::fixed : State::done;
      break;
    case Framing::chunked:
      state_ = State::size;
      left_ = 0;
      break;
    case Framing::until_close:
      state_ = State::until_close;
      break;
  }
}

const char* BodyReader::read_size(std::string_view line) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_value(line[digits]) >= 0) {
    if (digits == 15) return "a chunk's size is too large";
    size = size * 16 + static_cast<std::uint64_t>(hex_value(line[digits++]));
  }
  if (digits == 0) return "a chunk's size is no hexadecimal number";
  std::string_view rest = line.substr(digits);
  if (rules_ == Rules::response)
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  if (!rest.empty() && rest.front() != ';') return "a chunk's size is no hexadecimal number";
  if (!std::all_of(rest.begin(), rest.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
      }))
    return "a chunk's extension has a control character";
  extra_bytes_ += rest.size();
  if (extra_bytes_ > kMaxExtraBytes) return "the extensions of its chunks are too long";
  left_ = size;
  state_ = size > 0 ? State::data : State::trailer;
  return nullptr;
}

const char* BodyReader::read_trailer(std::string_view line) {
  if (line.empty()) {
    state_ = State::done;
    return nullptr;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_field_name(line.substr(0, colon)) ||
      !is_field_value(trimmed(line.substr(colon + 1))))
    return "a trailer is no field";
  extra_bytes_ += line.size();
  if (++trailers_ > kMaxTrailers || extra_bytes_ > kMaxExtraBytes)
    return "it has too many trailers";
  return nullptr;
}

BodyReader::Step BodyReader::next(std::string_view in) {
  Step step;
  while (state_ != State::done) {
    const std::string_view rest = in.substr(step.consumed);
    switch (state_) {
      case State::done:
        break;
      case State::fixed:
      case State::data: {
        step.piece =
            rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
        step.consumed += step.piece.size();
        left_ -= step.piece.size();
        if (left_ == 0) state_ = state_ == State::fixed ? State::done : State::data_end;
        return step;
      }
      case State::until_close:
        step.piece = rest;
        step.consumed += rest.size();
        return step;
      case State::data_end:
        if (!rest.empty() && (rest[0] != '\r' || (rest.size() > 1 && rest[1] != '\n'))) {
          step.wrong = "a chunk does not end where its size says";
          return step;
        }
        if (rest.size() < 2) return step;
        step.consumed += 2;
        state_ = State::size;
        break;
      case State::size:
      case State::trailer: {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) {
          if (rest.size() > kMaxChunkLine) step.wrong = "a line between its chunks is too long";
          return step;
        }
        if (end == 0 || rest[end - 1] != '\r') {
          step.wrong = "a line between its chunks ends with a bare LF";
          return step;
        }
        if (end > kMaxChunkLine) {
          step.wrong = "a line between its chunks is too long";
          return step;
        }
        const std::string_view line = rest.substr(0, end - 1);
        step.wrong = state_ == State::size ? read_size(line) : read_trailer(line);
        if (step.wrong) return step;
        step.consumed += end + 1;
        break;
      }
    }
  }
  return step;
}

}  // namespace trinity::net
