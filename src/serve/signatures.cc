#include "serve/signatures.h"

#include <optional>
#include <string>
#include <utility>

#include "base/sha256.h"

namespace trinity::serve {
namespace {

constexpr std::string_view kMark = "trinity-";
constexpr std::string_view kThoughts = "thinking_blocks";
constexpr std::size_t kLetters = 16;

/// The field of a thought that only its maker can read.
const char* signed_field(const Json& thought) {
  return thought["type"].as_string() == "redacted_thinking" ? "data" : "signature";
}

std::string mark_of(std::string_view member, std::string_view signature) {
  std::string text(member);
  text += '\n';
  text += signature;
  return std::string(kMark) + sha256_hex(text).substr(0, kLetters) + '-';
}

/// What stands behind a mark; nothing: there is none.
std::optional<std::string_view> behind_mark(std::string_view signature) {
  const std::size_t size = kMark.size() + kLetters;
  if (!signature.starts_with(kMark) || signature.size() <= size || signature[size] != '-')
    return std::nullopt;
  return signature.substr(size + 1);
}

/// The thoughts that the member may read.
Json own_thoughts(std::string_view member, bool is_named, const Json& thoughts) {
  Json own = Json::array();
  for (const Json& thought : thoughts) {
    const char* const field = signed_field(thought);
    const std::string& signature = thought[field].as_string();
    if (const auto bare = behind_mark(signature)) {
      if (mark_of(member, *bare) + std::string(*bare) != signature) continue;
      own.push_back(thought)[field] = *bare;
    } else if (is_named) {
      own.push_back(thought);
    }
  }
  return own;
}

}  // namespace

void mark_signatures(std::string_view member, Json& extra) {
  Json* const thoughts = extra.find(kThoughts);
  if (thoughts == nullptr) return;
  for (Json& thought : *thoughts) {
    Json* const signature = thought.find(signed_field(thought));
    if (signature == nullptr || signature->as_string().empty()) continue;
    *signature = mark_of(member, signature->as_string()) + signature->as_string();
  }
}

void keep_own_signatures(std::string_view member, Maker of_calls, bool is_named,
                         chat::ChatMessage& message) {
  if (const Json* const thoughts = message.extra.find(kThoughts)) {
    Json own = own_thoughts(member, is_named, *thoughts);
    if (own.empty()) {
      message.extra.erase(kThoughts);
      if (message.extra.empty()) message.extra = Json();
    } else {
      message.extra[kThoughts] = std::move(own);
    }
  }
  const bool may_read = of_calls == Maker::this_member || (of_calls == Maker::unknown && is_named);
  if (may_read) return;
  for (chat::Call& call : message.calls) {
    call.extra.erase("extra_content");
    if (call.extra.empty()) call.extra = Json();
  }
}

chat::Delta live_piece(std::string_view member, const chat::Delta& piece,
                       chat::Assembly& assembly) {
  chat::Delta out = assembly.add(piece);
  out.finish.reset();
  out.usage.reset();
  mark_signatures(member, out.extra);
  return out;
}

}  // namespace trinity::serve
