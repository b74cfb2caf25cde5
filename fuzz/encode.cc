// Any bytes as spans: ids decode to the normalised text, and cutting plain text into spans changes
// nothing.
#include <string>
#include <vector>

#include "base/utf8.h"
#include "small_tokenizer.h"
#include "text/nfc.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  const text::Tokenizer& tokenizer = fuzz::small_tokenizer();
  fuzz::Input input(data, size);
  std::vector<text::Span> spans;
  std::string whole;
  bool valid = true;
  while (!input.empty()) {
    const unsigned control = input.byte();
    const std::string_view text = input.text(control >> 1);
    spans.push_back({text, control & 1 ? text::SpecialTokens::parse : text::SpecialTokens::plain});
    whole += text;
    valid = valid && is_valid_utf8(text);
  }
  const auto ids = tokenizer.encode(spans);
  fuzz::require(ids.has_value() == valid, "exactly valid UTF-8 is encoded");
  if (!valid) {
    fuzz::require(ids.error().tag == "invalid_utf8", "the refusal says invalid_utf8");
    return 0;
  }
  fuzz::require(tokenizer.decode(*ids).has_value(), "encoded ids are defined");

  for (text::Span& span : spans) span.policy = text::SpecialTokens::plain;
  const auto plain = tokenizer.encode(spans);
  fuzz::require(*plain == *tokenizer.encode(whole, text::SpecialTokens::plain), "spans join");
  fuzz::require(*tokenizer.decode(*plain) == text::nfc(whole),
                "decoding gives the normalised text");

  for (text::Span& span : spans) span.policy = text::SpecialTokens::parse;
  fuzz::require(*tokenizer.encode(spans) == *tokenizer.encode(whole, text::SpecialTokens::parse),
                "literals join");
  return 0;
}
