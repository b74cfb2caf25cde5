#include "trace/redact.h"

#include <algorithm>
#include <array>

namespace trinity::trace {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// "https://user:password@host/" → "https://<redacted>@host/". Authority ends at the first of "/?#"
/// and at white space.
std::string without_userinfo(std::string text) {
  constexpr std::string_view kScheme = "://";
  for (std::size_t at = text.find(kScheme); at != std::string::npos;
       at = text.find(kScheme, at + 1)) {
    const std::size_t begin = at + kScheme.size();
    const std::size_t end = std::min(text.find_first_of("/?# \t\r\n\"'", begin), text.size());
    const std::size_t sign = text.rfind('@', end == 0 ? 0 : end - 1);
    if (sign == std::string::npos || sign < begin) continue;
    text.replace(begin, sign - begin, kRedacted);
  }
  return text;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames = {
      "api_key", "apikey",       "authorization", "proxy-authorization", "password", "secret",
      "token",   "access_token", "cookie",        "set-cookie"};
  constexpr std::array<std::string_view, 4> kEnds = {"_token", "_key", "_secret", "-key"};
  constexpr std::array<std::string_view, 2> kMeasures = {"first_token", "per_token"};
  const std::string small = lower(name);
  const auto ends_it = [&small](std::string_view end) { return small.ends_with(end); };
  if (std::any_of(kMeasures.begin(), kMeasures.end(), ends_it)) return false;
  return std::find(kNames.begin(), kNames.end(), small) != kNames.end() ||
         std::any_of(kEnds.begin(), kEnds.end(), ends_it);
}

std::vector<std::string> redaction_values(const std::vector<std::string>& values) {
  std::vector<std::string> out;
  for (const std::string& value : values)
    if (const std::string_view text = trimmed(value); !text.empty()) out.emplace_back(text);
  std::sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string Redactor::without_values(std::string text) const {
  // A place that was replaced is passed over, so that no value is found in "<redacted>".
  for (std::size_t at = 0; at < text.size();) {
    const auto found = std::find_if(values_.begin(), values_.end(), [&](const std::string& value) {
      return text.compare(at, value.size(), value) == 0;
    });
    if (found == values_.end()) {
      ++at;
      continue;
    }
    text.replace(at, found->size(), kRedacted);
    at += std::string_view(kRedacted).size();
  }
  return text;
}

std::string Redactor::text(std::string_view text) const {
  if (text.find(' ') != std::string_view::npos && lower(text).find("bearer") != std::string::npos)
    return kRedacted;
  return without_values(without_userinfo(std::string(text)));
}

Json Redactor::value(const Json& value) const {
  if (value.is_string()) return text(value.as_string());
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& element : value) out.push_back(this->value(element));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    std::string name = without_values(key);
    while (out.contains(name)) name += '_';  // two names that differed in their secret
    out[name] = by_name_ && is_secret_name(key) ? Json(kRedacted) : this->value(member);
  }
  return out;
}

}  // namespace trinity::trace
