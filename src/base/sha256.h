// SHA-256 (FIPS 180-4) of memory and files.
#pragma once

#include <trinity/error.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace trinity {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Incremental hashing: `update` any number of times, then `digest` or `hex` once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// Ends the hash and starts a new, empty one.
  Sha256Digest digest();
  /// The digest as 64 lower-case hexadecimal digits.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);

/// Hash of a regular file, read in blocks. Errors: those of MappedFile::open, `unreadable_file`.
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace trinity
