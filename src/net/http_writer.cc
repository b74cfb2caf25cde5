#include "net/http_writer.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <iterator>

namespace trinity::net {
namespace {

/// Fields that frame a message or belong to its connection: written here and nowhere else.
bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names = {
      "connection", "content-length", "transfer-encoding", "keep-alive", "trailer"};
  for (const std::string_view ours : names)
    if (same_without_case(name, ours)) return true;
  return false;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const std::size_t begin = out.size();
  out.append(value).append("\r\n");
  for (std::size_t i = begin; i < begin + value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) out[i] = ' ';
  }
}

}  // namespace

std::string http_date(std::chrono::system_clock::time_point time) {
  static constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed",
                                                           "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

void append_response_head(std::string& out, const HttpResponse& response, std::string_view framing,
                          std::string_view connection) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  bool dated = false;
  for (const auto& [name, value] : response.fields) {
    if (!is_field_name(name) || is_ours(name)) continue;
    dated = dated || same_without_case(name, "date");
    append_field(out, name, value);
  }
  if (!dated) append_field(out, "Date", http_date(std::chrono::system_clock::now()));
  out.append(framing);
  if (!connection.empty()) append_field(out, "Connection", connection);
  out.append("\r\n");
}

void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         std::string_view host, const Fields& fields, std::size_t body_bytes) {
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  append_field(out, "Host", host);
  for (const auto& [name, value] : fields)
    if (is_field_name(name) && !is_ours(name) && !same_without_case(name, "host"))
      append_field(out, name, value);
  if (body_bytes > 0 || method == "POST" || method == "PUT" || method == "PATCH")
    append_field(out, "Content-Length", std::to_string(body_bytes));
  out.append("\r\n");
}

void append_chunk(std::string& out, std::string_view piece) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", piece.size());
  out.append(piece).append("\r\n");
}

}  // namespace trinity::net
