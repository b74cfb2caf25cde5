// Taking secrets out of what is traced or logged: by the name of a field, by the form of a text,
// and by value.
//
// Three rules, over every container at any depth, before anything becomes text:
//  1. Key rule: the value of a field whose name says secret becomes "<redacted>", whatever it is.
//  2. Text rule: a text that holds "bearer" and a space is an Authorization header or a quotation
//     of one, and is replaced whole; user and password before the host of a URL are taken out.
//  3. Value rule: every occurrence of a known secret, in texts and names of fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "trace/trace.h"

namespace trinity::trace {

inline constexpr const char* kRedacted = "<redacted>";

/// Whether a field of this name holds a secret, in any case of its letters: api_key, authorization,
/// password, secret, token, cookie, and names that end in _token, _key, _secret or -key. Counts
/// and times of tokens (max_tokens, token_count, time_to_first_token) are none.
bool is_secret_name(std::string_view name);

/// Trimmed, without blank and double ones, the longest first: one that begins like another must not
/// leave its rest.
std::vector<std::string> redaction_values(const std::vector<std::string>& values);

/// Views the values, which are those of redaction_values().
class Redactor {
 public:
  Redactor(Content content, const std::vector<std::string>& values)
      : by_name_(content != Content::full), values_(values) {}

  Json value(const Json& value) const;
  std::string text(std::string_view text) const;

 private:
  std::string without_values(std::string text) const;

  bool by_name_;
  const std::vector<std::string>& values_;
};

}  // namespace trinity::trace
