// The two errors of a tokenizer file.
#pragma once

#include <trinity/error.h>

#include <string>

namespace trinity::text {

/// The file is damaged or contradicts itself.
inline tl::unexpected<Error> invalid_tokenizer(std::string message) {
  return fail(ErrorKind::invalid_input, "invalid_tokenizer", std::move(message));
}

/// The file is well-formed, but asks for something that would change ids and is not computed. What
/// helps is always another file, so every message ends with the way to name one.
inline tl::unexpected<Error> unsupported_tokenizer(std::string message) {
  return fail(ErrorKind::unsupported, "unsupported_tokenizer",
              std::move(message) +
                  "; name the tokenizer.json of the Qwen2/Qwen3 model it comes from with "
                  "--tokenizer");
}

}  // namespace trinity::text
