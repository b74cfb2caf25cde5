// Encoding and decoding: the reference's ids, spans and policies, the laws of the whole pipeline.
#include "text/tokenizer.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include "support.h"
#include "text/nfc.h"

namespace trinity {
namespace {

using testing::conformance_path;
using testing::Ids;
using testing::qwen3;
using testing::qwen3_file;
using testing::RandomText;
using testing::tag_of;
using testing::utf8;
using testing::value_of;

constexpr text::SpecialTokens plain = text::SpecialTokens::plain;
constexpr text::SpecialTokens parse = text::SpecialTokens::parse;

Ids encode(std::string_view text, text::SpecialTokens policy) {
  return value_of(qwen3().encode(text, policy));
}
Ids encode(const std::vector<text::Span>& spans) { return value_of(qwen3().encode(spans)); }

TEST(Tokenizer, N2FortyThreeTexts) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  const std::string inputs = testing::read_conformance("qwen3_tokenizer/cases.inp");
  std::istringstream outputs(testing::read_conformance("qwen3_tokenizer/cases.out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::size_t begin = 0;
  std::size_t count = 0;
  for (std::size_t end; (end = inputs.find(separator, begin)) != std::string::npos;
       begin = end + separator.size()) {
    std::string line;
    ASSERT_TRUE(std::getline(outputs, line));
    std::istringstream numbers(line);
    Ids expected;
    for (std::int32_t id; numbers >> id;) expected.push_back(id);
    const std::string text = inputs.substr(begin, end - begin);
    EXPECT_EQ(encode(text, plain), expected) << text;
    EXPECT_EQ(text.empty(), ++count == 3);
  }
  EXPECT_EQ(count, 43u);
}

TEST(Tokenizer, N2DifferentialCases) {
  constexpr const char* file = "hf_oracle/tokenizer/cases.jsonl";
  TRINITY_REQUIRE_CONFORMANCE(file);
  const auto records = testing::read_records(file);
  for (const auto& record : records) {
    const text::SpecialTokens policy = record.at("mode") == "special" ? parse : plain;
    EXPECT_EQ(encode(record.at("text").get<std::string>(), policy), record.at("ids").get<Ids>())
        << record;
  }
  EXPECT_EQ(records.size(), 5319u);
}

TEST(Tokenizer, N2AddedTokenTextUnderBothPolicies) {
  constexpr const char* file = "hf_oracle/tokenizer/special_modes.jsonl";
  TRINITY_REQUIRE_CONFORMANCE(file);
  const auto records = testing::read_records(file);
  for (const auto& record : records) {
    const std::string text = record.at("text");
    EXPECT_EQ(encode(text, parse), record.at("special").get<Ids>()) << record;
    EXPECT_EQ(encode(text, plain), record.at("plain").get<Ids>()) << record;
  }
  EXPECT_EQ(records.size(), 288u);
}

TEST(Tokenizer, N2KnownIds) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  EXPECT_EQ(encode("Hello world", plain), (Ids{9707, 1879}));
  EXPECT_EQ(encode(" Hello world", plain), (Ids{21927, 1879}));
  EXPECT_EQ(encode("user: .", plain), (Ids{872, 25, 659}));
  EXPECT_EQ(encode("user: ", plain), (Ids{872, 25, 220}));
  EXPECT_EQ(encode("<think>", parse), Ids{151667});
  EXPECT_EQ(encode("<think>", plain), (Ids{13708, 766, 29}));
  EXPECT_EQ(encode("<|im_end|>", plain), (Ids{27, 91, 318, 6213, 91, 29}));
  const std::string mixed = "user: <|im_end|> and <think>";
  EXPECT_EQ(encode(mixed, parse), (Ids{872, 25, 220, 151645, 323, 220, 151667}));
  EXPECT_EQ(encode(mixed, plain), (Ids{872, 25, 82639, 318, 6213, 91, 29, 323, 366, 26865, 29}));
  EXPECT_EQ(testing::ids_sha256({1, 2, 3}),
            "a615eeaee21de5179de080de8c3052c8da901138406ba71c38c032845f7d54f4");
}

TEST(Tokenizer, N2VocabularyFacts) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  EXPECT_EQ(qwen3().vocab_size(), 151669);
  EXPECT_EQ(qwen3().added_token_id("<|im_end|>"), 151645);
  EXPECT_EQ(qwen3().added_token_id("</think>"), 151668);
  EXPECT_EQ(qwen3().added_token_id("<|im_end|"), std::nullopt);
}

TEST(Tokenizer, N2RefusesInvalidUtf8WithTheOffset) {
  constexpr const char* file = "hf_oracle/tokenizer/invalid_utf8_hex.json";
  TRINITY_REQUIRE_CONFORMANCE(file);
  for (const auto& entry : nlohmann::json::parse(testing::read_conformance(file))) {
    const std::string hex = entry;
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    for (const text::SpecialTokens policy : {plain, parse}) {
      EXPECT_EQ(tag_of(qwen3().encode(bytes, policy)), "invalid_utf8") << hex;
    }
  }
  const std::vector<text::Span> spans = {{"ok <think>", parse}, {"b\xC3", plain}, {"\xA9", plain}};
  const auto result = qwen3().encode(spans);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("offset 11"), std::string::npos) << result.error().message;
}

TEST(Tokenizer, N2TextRunsAcrossLiteralAndContentBorders) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  // Two line feeds from two spans are the token of two line feeds.
  EXPECT_EQ(encode({{"<|im_start|>user\n", parse}, {"\nhi", plain}}),
            (Ids{151644, 872, 271, 6023}));
  // The space of a literal joins the first word of the content.
  EXPECT_EQ(encode({{"user: ", parse}, {"Hello", plain}}), encode("user: Hello", plain));
  // A mark at the start of the content composes with the literal's last letter.
  EXPECT_EQ(encode({{"cafe", parse}, {utf8(0x301, " "), plain}}),
            encode(utf8("caf", 0xE9, " "), plain));
  // A token cut by a border is not a token, nor is one that content completes.
  EXPECT_EQ(encode({{"<|im_", parse}, {"end|>", plain}}), encode("<|im_end|>", plain));
  EXPECT_EQ(encode({{"<|im_", plain}, {"end|>", parse}}), encode("<|im_end|>", plain));
  // Neighbouring literals are one literal.
  EXPECT_EQ(encode({{"<|im_", parse}, {"", plain}, {"end", parse}, {"|>", parse}}), Ids{151645});
  // Marks behind an added token do not compose with its last character.
  EXPECT_EQ(encode({{"<think>", parse}, {utf8(0x338), plain}})[0], 151667);
}

TEST(Tokenizer, SpansWithoutAddedTokensEqualTheirConcatenation) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  RandomText random(31);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> parts(1 + random.below(5));
    std::string whole;
    std::vector<text::Span> spans;
    for (auto& part : parts) {
      part = random.text(random.below(6));
      whole += part;
    }
    for (const auto& part : parts) spans.push_back({part, random.below(2) ? parse : plain});
    ASSERT_EQ(encode(spans), encode(whole, plain)) << whole;
  }
}

TEST(Tokenizer, LiteralsSplitAnywhereEqualTheWholeLiteral) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  RandomText random(32);
  const std::vector<std::string> words = {"<|im_end|>", "<think>", "</think>", "<|im_",
                                          "end|>",      "\n",      " a",       "<"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random.below(8); i-- > 0;) text += words[random.below(words.size())];
    std::vector<text::Span> spans;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t length = 1 + random.below(text.size() - begin);
      spans.push_back({std::string_view(text).substr(begin, length), parse});
      begin += length;
    }
    ASSERT_EQ(encode(spans), encode(text, parse)) << text;
  }
}

TEST(Tokenizer, DecodingGivesTheNormalisedText) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  RandomText random(33);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random.text(random.below(30));
    const auto decoded = qwen3().decode(encode(text, plain));
    ASSERT_TRUE(decoded);
    ASSERT_EQ(*decoded, text::nfc(text));
  }
  // Added tokens decode to their text; they also keep the runs beside them apart.
  EXPECT_EQ(*qwen3().decode(encode("a <think>\n<|im_end|>", parse)), "a <think>\n<|im_end|>");
}

TEST(Tokenizer, RefusesToDecodeUnknownIds) {
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  for (const std::int32_t id : {-1, 151669, 151935, 2147483647, -2147483647 - 1}) {
    EXPECT_EQ(tag_of(qwen3().decode(Ids{9707, id})), "unknown_token_id");
  }
  EXPECT_EQ(*qwen3().decode(Ids{}), "");
}

TEST(Tokenizer, EmptyTextHasNoIds) {
  const Result<text::Tokenizer> tokenizer =
      text::Tokenizer::parse(testing::small_tokenizer_json().dump());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(value_of(tokenizer->encode("", parse)), Ids{});
  EXPECT_EQ(value_of(tokenizer->encode(std::span<const text::Span>())), Ids{});
}

TEST(Tokenizer, RefusesTextBeyondTheLimit) {
  const Result<text::Tokenizer> tokenizer =
      text::Tokenizer::parse(testing::small_tokenizer_json().dump());
  const std::string half((std::size_t{32} << 20) + 1, 'x');
  const std::vector<text::Span> spans = {{half, plain}, {half, plain}};
  EXPECT_EQ(tag_of(tokenizer->encode(spans)), "input_too_long");
}

TEST(Tokenizer, ThreadsThatShareATokenizerGetTheSameIds) {
  // A fresh tokenizer, so that the threads meet tokens nobody has asked for yet.
  TRINITY_REQUIRE_CONFORMANCE(qwen3_file);
  const Result<text::Tokenizer> shared = text::Tokenizer::load(conformance_path(qwen3_file));
  ASSERT_TRUE(shared);
  RandomText random(34);
  std::vector<std::string> texts(200);
  for (auto& text : texts) text = "The quick brown fox " + random.text(100);
  std::vector<std::vector<Ids>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (const auto& text : texts) result.push_back(*shared->encode(text, plain));
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const auto& result : results) EXPECT_EQ(result[i], encode(texts[i], plain));
  }
}

}  // namespace
}  // namespace trinity
