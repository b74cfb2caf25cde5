// What the fuzz targets share: taking the fuzzer's bytes apart, and saying what must hold.
#pragma once

#include <trinity/error.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace trinity::fuzz {

/// Ends the process with a message if something that must hold does not.
inline void require(bool holds, const char* what = "what must hold",
                    const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "violated: %s (%s:%d)\n", what, file, line);
  std::abort();
}

/// What every refusal has: a tag, and a sentence that a terminal can show.
inline void require_clear(const Error& error) {
  require(!error.tag.empty(), "the error has a tag");
  require(is_valid_utf8(error.message), "the message is valid UTF-8");
  require(error.message.size() < 2000, "the message is a sentence");
}

/// Takes pieces off the front of the fuzzer's bytes.
class Input {
 public:
  Input(const unsigned char* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}
  bool empty() const { return rest_.empty(); }
  unsigned byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view text(std::size_t length) {
    const std::string_view result = rest_.substr(0, length);
    rest_.remove_prefix(result.size());
    return result;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Half of the inputs as they are; the others replace a part of a valid document, so that deep
/// checks are reached too.
inline std::string bytes_or_edit(const unsigned char* data, std::size_t size,
                                 std::string_view valid) {
  Input input(data, size);
  if (input.byte() % 2 == 0) return std::string(input.rest());
  std::string text(valid);
  const std::size_t begin = (input.byte() << 8 | input.byte()) % text.size();
  const std::size_t removed = input.byte();
  text.replace(begin, removed, input.rest());
  return text;
}

}  // namespace trinity::fuzz
