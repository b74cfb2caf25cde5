#include "serve/tool_ids.h"

#include <algorithm>
#include <array>
#include <random>

#include "base/sha256.h"
#include "serve/base32.h"

namespace trinity::serve {
namespace {

constexpr std::string_view kStart = "call_";
constexpr std::size_t kStampBytes = 8, kMacBytes = 5, kStampLetters = 13, kMostLetters = 64;
constexpr int kMostRepeats = 5;

/// 8 bytes as 13 letters of 5 bits, the first bits first.
std::string letters_of(std::string_view bytes) {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  std::string out(kStampLetters, '0');
  for (std::size_t n = kStampLetters; n-- > 0; bits >>= 5) out[n] = kBase32[bits & 31];
  return out;
}

std::optional<std::string> bytes_of(std::string_view letters) {
  std::uint64_t bits = 0;
  if (kBase32.find(letters.front()) > 15) return std::nullopt;  // the 65th bit is none
  for (const char c : letters) {
    const std::size_t value = kBase32.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 5 | value;
  }
  std::string out(kStampBytes, '\0');
  for (std::size_t n = kStampBytes; n-- > 0; bits >>= 8) out[n] = static_cast<char>(bits & 255);
  return out;
}

bool is_plain(std::string_view id) {
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  });
}

std::string_view bytes(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// RFC 2104.
Sha256Digest hmac(std::string_view key, std::string_view text) {
  constexpr std::size_t kBlock = 64;
  std::string inner(kBlock, '\x36'), outer(kBlock, '\x5c');
  for (std::size_t n = 0; n < key.size(); ++n) {
    inner[n] = static_cast<char>(inner[n] ^ key[n]);
    outer[n] = static_cast<char>(outer[n] ^ key[n]);
  }
  Sha256 hash;
  hash.update(inner);
  hash.update(text);
  const Sha256Digest first = hash.digest();
  hash.update(outer);
  hash.update(bytes(first));
  return hash.digest();
}

std::string random_secret() {
  std::random_device device;
  std::string secret;
  for (int n = 0; n < 8; ++n) {
    const unsigned word = device();
    for (int shift = 0; shift < 32; shift += 8) secret += static_cast<char>(word >> shift & 255);
  }
  return secret;
}

}  // namespace

ToolIds::ToolIds(std::string secret) {
  if (secret.empty()) secret = random_secret();
  Sha256 hash;
  hash.update(secret);
  secret_ = bytes(hash.digest());
}

std::string ToolIds::mac(std::uint16_t slot, std::uint8_t turn, std::string_view id) const {
  std::string text = {static_cast<char>(slot >> 8), static_cast<char>(slot & 255),
                      static_cast<char>(turn)};
  text += id;
  return std::string(bytes(hmac(secret_, text)).substr(0, kMacBytes));
}

std::string ToolIds::sign(int slot, int turn, const std::string& id) {
  std::string shown = id;
  if (!is_plain(id) || kStart.size() + kStampLetters + 1 + id.size() > kMostLetters) {
    shown = "x" + sha256_hex(id).substr(0, 24);
    const std::scoped_lock held(lock_);
    if (kept_.emplace(shown, id).second) order_.push_back(shown);
    if (order_.size() > kMostKept) {
      kept_.erase(order_.front());
      order_.pop_front();
    }
  }
  const auto narrow_slot = static_cast<std::uint16_t>(slot);
  const auto narrow_turn = static_cast<std::uint8_t>(turn);
  std::string stamp = {static_cast<char>(narrow_slot >> 8), static_cast<char>(narrow_slot & 255),
                       static_cast<char>(narrow_turn)};
  stamp += mac(narrow_slot, narrow_turn, shown);
  return std::string(kStart) + letters_of(stamp) + "_" + shown;
}

std::optional<ToolIds::Origin> ToolIds::read(std::string_view signed_id) const {
  if (!signed_id.starts_with(kStart)) return std::nullopt;
  const std::string_view rest = signed_id.substr(kStart.size());
  if (rest.size() < kStampLetters + 1 || rest[kStampLetters] != '_') return std::nullopt;
  const auto stamp = bytes_of(rest.substr(0, kStampLetters));
  if (!stamp) return std::nullopt;
  const std::string_view shown = rest.substr(kStampLetters + 1);
  const auto slot = static_cast<std::uint16_t>(static_cast<unsigned char>((*stamp)[0]) << 8 |
                                               static_cast<unsigned char>((*stamp)[1]));
  const auto turn = static_cast<std::uint8_t>((*stamp)[2]);
  if (mac(slot, turn, shown) != stamp->substr(3)) return std::nullopt;
  Origin origin{slot, turn, std::string(shown)};
  const std::scoped_lock held(lock_);
  if (const auto kept = kept_.find(origin.id); kept != kept_.end()) origin.id = kept->second;
  return origin;
}

Resumption resume(const ToolIds& ids, std::vector<chat::ChatMessage>& messages) {
  Resumption out;
  const bool ends_with_results = !messages.empty() && messages.back().role == "tool";
  std::unordered_map<std::string, int> times;
  int most = 0;
  for (chat::ChatMessage& message : messages) {
    std::optional<int>& maker = out.makers.emplace_back();
    for (chat::Call& call : message.calls) {
      most = std::max(most, ++times[call.name + '\n' + call.arguments]);
      if (const auto origin = ids.read(call.id)) {
        call.id = origin->id;
        maker = out.slot = origin->slot;
      } else {
        out.slot.reset();
      }
    }
    if (const auto origin = ids.read(message.call_id)) message.call_id = origin->id;
  }
  if (!ends_with_results) out.slot.reset();
  if (most >= kMostRepeats) {
    out.slot.reset();
    out.repeats = true;
  }
  return out;
}

}  // namespace trinity::serve
