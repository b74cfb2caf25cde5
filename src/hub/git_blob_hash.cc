// SHA-1 as in FIPS 180-4.
#include "hub/git_blob_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/file.h"
#include "base/try.h"

namespace trinity::hub {
namespace {

class Sha1 {
 public:
  void update(std::span<const std::byte> bytes) {
    length_ += bytes.size();
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), block_.size() - used_);
      std::memcpy(block_.data() + used_, bytes.data(), count);
      used_ += count;
      bytes = bytes.subspan(count);
      if (used_ == block_.size()) {
        mix();
        used_ = 0;
      }
    }
  }

  std::string hex() {
    const std::uint64_t bits = length_ * 8;
    const std::byte one{0x80};
    const std::byte zero{0};
    update({&one, 1});
    while (used_ != 56) update({&zero, 1});
    std::array<std::byte, 8> size;
    for (std::size_t i = 0; i < size.size(); ++i)
      size[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
    update(size);
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint32_t word : state_)
      for (int shift = 28; shift >= 0; shift -= 4) text += digits[(word >> shift) & 15];
    return text;
  }

 private:
  void mix() {
    std::array<std::uint32_t, 80> w;
    for (std::size_t t = 0; t < 16; ++t) {
      w[t] = 0;
      for (std::size_t i = 0; i < 4; ++i)
        w[t] = (w[t] << 8) | static_cast<std::uint32_t>(block_[4 * t + i]);
    }
    for (std::size_t t = 16; t < 80; ++t)
      w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    auto [a, b, c, d, e] = state_;
    for (std::size_t t = 0; t < 80; ++t) {
      std::uint32_t f = 0;
      std::uint32_t k = 0;
      if (t < 20) {
        f = (b & c) | (~b & d);
        k = 0x5a827999;
      } else if (t < 40) {
        f = b ^ c ^ d;
        k = 0x6ed9eba1;
      } else if (t < 60) {
        f = (b & c) | (b & d) | (c & d);
        k = 0x8f1bbcdc;
      } else {
        f = b ^ c ^ d;
        k = 0xca62c1d6;
      }
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    const std::array<std::uint32_t, 5> mixed = {a, b, c, d, e};
    for (std::size_t i = 0; i < 5; ++i) state_[i] += mixed[i];
  }

  std::array<std::uint32_t, 5> state_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                         0xc3d2e1f0};
  std::array<std::byte, 64> block_;
  std::size_t used_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace

std::string git_blob_hash(std::span<const std::byte> content) {
  const std::string header = "blob " + std::to_string(content.size());
  Sha1 hash;
  // The header ends with the zero byte of its string.
  hash.update(std::as_bytes(std::span(header.c_str(), header.size() + 1)));
  hash.update(content);
  return hash.hex();
}

Result<std::string> git_blob_hash_of_file(const std::filesystem::path& path) {
  TRINITY_TRY(const MappedFile file, MappedFile::open(path));
  return git_blob_hash(file.bytes());
}

}  // namespace trinity::hub
