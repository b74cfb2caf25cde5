// SHA-256 against the standard's examples, and that cutting the input changes nothing.
#include "base/sha256.h"

#include <gtest/gtest.h>

#include <random>

#include "base/temporary_folder.h"

namespace trinity {
namespace {

TEST(Sha256, agrees_with_the_examples_of_the_standard) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, does_not_depend_on_how_the_input_is_cut) {
  std::mt19937_64 random(1);
  std::string data(100'000, '\0');
  for (char& c : data) c = static_cast<char>(random());
  const std::string whole = sha256_hex(data);
  for (int round = 0; round < 20; ++round) {
    Sha256 hash;
    for (std::size_t at = 0; at < data.size();) {
      const std::size_t length = std::min<std::size_t>(random() % 5000, data.size() - at);
      hash.update(std::string_view(data).substr(at, length));
      at += length;
    }
    EXPECT_EQ(hash.hex(), whole);
    hash.update("abc");
    EXPECT_EQ(hash.hex(), sha256_hex("abc")) << "hex() starts anew";
  }
}

TEST(Sha256, hashes_a_file_like_its_bytes) {
  const testing::TemporaryFolder folder;
  const std::string data((std::size_t{3} << 20) + 17, 'q');  // several blocks and a rest
  EXPECT_EQ(sha256_file(folder.put("a", data)).value(), sha256_hex(data));
  EXPECT_EQ(sha256_file(folder.put("b", "")).value(), sha256_hex(""));
  EXPECT_EQ(sha256_file(folder / "absent").error().tag, "missing_file");
  EXPECT_EQ(sha256_file(folder.path()).error().tag, "not_a_regular_file");
}

}  // namespace
}  // namespace trinity
