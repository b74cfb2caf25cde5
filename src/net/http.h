// HTTP/1.1 in plain words: what a request and a response are for both sides of this program.
//
// Nothing here shows the library that speaks it. Servers: net/http_server.h; clients:
// net/http_client.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trinity::net {

/// Whether two texts are the same but for the case of ASCII letters.
bool same_without_case(std::string_view a, std::string_view b);

/// Fields of a header, in their order. Names compare without case.
class Fields {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value);
  /// Replaces every field of this name.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  /// The first of this name, nullptr if there is none.
  const std::string* find(std::string_view name) const;
  /// The first of this name, or "".
  std::string_view get(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  std::size_t count(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

/// Whether one of the comma-separated words of every field of this name is `word`, without case.
bool lists_word(const Fields& fields, std::string_view name, std::string_view word);

/// What a field's name may be (RFC 9110 5.1), and its value: no control characters but tabs, no
/// space at either end.
bool is_field_name(std::string_view name);
bool is_field_value(std::string_view value);

struct HttpRequest {
  std::string method;  // upper case
  std::string target;  // path and query as received: "/v1/models?limit=1"
  Fields fields;
  std::string body;  // without transfer and content codings
};

struct HttpResponse {
  int status = 200;
  Fields fields;
  std::string body;
};

/// "Not Found"; "" for a status that RFC 9110 does not know.
std::string_view reason_phrase(int status);

}  // namespace trinity::net
