#include "provider/secret.h"

#include <algorithm>

#include "base/printable.h"
#include "net/redact.h"

namespace trinity::provider {
namespace {

constexpr std::string_view kMark = "[key]";
// Shorter ones are words ("sk-learn"), and a hash of a key shows no more than a few letters.
constexpr std::size_t kShortestKey = 12;

bool of_key(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_' || c == '.' || c == '*' || c == '/' || c == '+' || c == '=';
}

/// Takes out what begins like the keys of the large providers; 401 bodies repeat parts of them.
std::string without_key_shapes(std::string text) {
  for (const std::string_view start :
       {"sk-", "Bearer ", "bearer ", "AIza", "gsk_", "xai-", "hf_", "key-"}) {
    for (std::size_t at = 0; (at = text.find(start, at)) != std::string::npos;) {
      const bool begins = at == 0 || start.back() == ' ' || !of_key(text[at - 1]);
      std::size_t end = at + start.size();
      while (end < text.size() && of_key(text[end])) ++end;
      // "sk-****abcd" is the form in which a key is half shown.
      const bool starred = text.substr(at, end - at).find('*') != std::string::npos;
      if (begins && (end - at >= kShortestKey || starred)) {
        text.replace(at, end - at, kMark);
        at += kMark.size();
      } else {
        at += start.size();
      }
    }
  }
  return text;
}

}  // namespace

std::string fit_to_show(std::string_view text, const std::vector<Secret>& secrets,
                        std::size_t most) {
  // An upstream may send megabytes; a key at the cut must not survive in part.
  std::string shown(text.substr(0, std::max<std::size_t>(most * 16, 8192)));
  for (const Secret& secret : secrets) shown = net::redacted(std::move(shown), secret.reveal());
  return printable(without_key_shapes(std::move(shown)), most);
}

}  // namespace trinity::provider
