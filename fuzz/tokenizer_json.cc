// Any bytes as a tokenizer file: refused with one of the two tags, or usable.
//
// Half of the inputs replace a part of a valid file, so that the deep checks are reached too.
#include <string>

#include "base/utf8.h"
#include "small_tokenizer.h"
#include "text/nfc.h"

using namespace std::string_view_literals;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  fuzz::Input input(data, size);
  std::string json;
  if (input.byte() % 2 == 0) {
    json = input.rest();
  } else {
    static const std::string valid = fuzz::small_tokenizer_json();
    const std::size_t begin = (input.byte() << 8 | input.byte()) % valid.size();
    const std::size_t removed = input.byte();
    json = valid;
    json.replace(begin, removed, input.rest());
  }
  const Result<text::Tokenizer> tokenizer = text::Tokenizer::parse(json);
  if (!tokenizer) {
    const std::string& tag = tokenizer.error().tag;
    fuzz::require(tag == "invalid_tokenizer" || tag == "unsupported_tokenizer",
                  "the error has a known tag");
    fuzz::require(is_valid_utf8(tokenizer.error().message), "the message is valid UTF-8");
    return 0;
  }
  for (const std::string_view text : {"the aaaa\n\n abc's <think>"sv, "\xC3\xA9\xCC\x81 x"sv}) {
    const auto ids = tokenizer->encode(text, text::SpecialTokens::plain);
    fuzz::require(ids.has_value(), "a loaded tokenizer encodes");
    const auto decoded = tokenizer->decode(*ids);
    fuzz::require(decoded && *decoded == text::nfc(text), "decoding gives the normalised text");
    for (const std::int32_t id : *ids)
      fuzz::require(id < tokenizer->vocab_size(), "ids are in range");
  }
  return 0;
}
