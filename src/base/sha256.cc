#include "base/sha256.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "base/regular_file.h"

namespace trinity {

namespace {

// Only a broken or forbidding OpenSSL build makes these calls fail; there is no sensible way on.
void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

struct Sha256::State {
  using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
  Context owned{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  EVP_MD_CTX* context = owned.get();
  State() { start(); }
  void start() {
    // Beginning allocates, and every provider has SHA-256: what fails is memory, whatever OpenSSL
    // says.
    if (context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1) return;
    ERR_clear_error();
    throw std::bad_alloc();
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span<const char>(text.data(), text.size())));
}

Sha256Digest Sha256::digest() {
  Sha256Digest digest{};
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1 && size == digest.size());
  state_->start();
  return digest;
}

std::string Sha256::hex() {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (const std::uint8_t byte : digest()) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
  auto opened = base_internal::open_regular_file(path);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  Sha256 hash;
  std::vector<std::byte> block(std::size_t{1} << 20);
  while (true) {
    const std::int64_t count =
        base_internal::read_fully(opened->descriptor.get(), block.data(), block.size());
    if (count < 0) {
      return fail(ErrorKind::failed, "unreadable_file",
                  "the file " + path.string() + " cannot be read (" + std::strerror(errno) + ")");
    }
    hash.update(std::span<const std::byte>(block.data(), static_cast<std::size_t>(count)));
    if (static_cast<std::size_t>(count) < block.size()) break;
  }
  return hash.hex();
}

}  // namespace trinity
