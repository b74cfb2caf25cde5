// Tokenizer files as people have them: equivalent ways to write one, normalized added tokens,
// post-processors that add tokens, ids with gaps. Expected ids are derived by hand from what the
// `tokenizers` library does: tokens as given are cut out first, the rest is normalised, tokens with
// `normalized` are cut out of that, and every part between is encoded on its own.
#include "support.h"
#include "text/router_input.h"
#include "text/tokenizer.h"

namespace trinity {
namespace {

using testing::Ids;
using testing::small_tokenizer_json;
using testing::value_of;
using Json = nlohmann::ordered_json;

text::Tokenizer parsed(const Json& json) {
  Result<text::Tokenizer> tokenizer = text::Tokenizer::parse(json.dump());
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return std::move(*tokenizer);
}

std::string error_of(const Json& json) {
  const Result<text::Tokenizer> tokenizer = text::Tokenizer::parse(json.dump());
  return tokenizer ? "no error" : tokenizer.error().tag + ": " + tokenizer.error().message;
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Json added(int id, const std::string& content, bool normalized) {
  return Json{{"id", id},        {"content", content}, {"single_word", false},
              {"lstrip", false}, {"rstrip", false},    {"normalized", normalized},
              {"special", false}};
}

/// The small tokenizer (bytes 0..255, "ab" 256, "abc" 257, " a" 258, "<|x|>" 259, "<|x|><y>" 260)
/// with more added tokens.
Json with_added(const std::vector<Json>& tokens) {
  Json json = small_tokenizer_json();
  for (const Json& token : tokens) json["added_tokens"].push_back(token);
  return json;
}

Ids bytes_of(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

// ---- equivalent files ----

TEST(TokenizerFiles, ASequenceOfOneMeansItsMember) {
  const Json plain = small_tokenizer_json();
  Json sequences = plain;
  sequences["normalizer"] = {{"type", "Sequence"},
                             {"normalizers", Json::array({plain["normalizer"]})}};
  sequences["decoder"] = {{"type", "Sequence"},
                          {"decoders", Json::array({Json{{"type", "ByteLevel"}}})}};
  sequences["post_processor"] = {{"type", "Sequence"},
                                 {"processors", Json::array({Json{{"type", "ByteLevel"}}})}};
  sequences["pre_tokenizer"] = {{"type", "Sequence"},
                                {"pretokenizers", Json::array({plain["pre_tokenizer"]})}};
  const std::string text = "abc e\u0301 <|x|> a'll";
  EXPECT_EQ(value_of(parsed(sequences).encode(text, text::SpecialTokens::parse)),
            value_of(parsed(plain).encode(text, text::SpecialTokens::parse)));
  EXPECT_TRUE(parsed(sequences).notes().empty());
}

TEST(TokenizerFiles, ASequenceWithAnotherStepIsRefusedByThatStep) {
  Json json = small_tokenizer_json();
  json["normalizer"] = {{"type", "Sequence"},
                        {"normalizers", {Json{{"type", "NFC"}}, Json{{"type", "Lowercase"}}}}};
  EXPECT_TRUE(mentions(error_of(json), "Lowercase")) << error_of(json);
  json["normalizer"]["normalizers"] = Json::array();
  EXPECT_TRUE(mentions(error_of(json), "empty Sequence")) << error_of(json);
  json = small_tokenizer_json();
  json["decoder"] = {{"type", "Sequence"}, {"decoders", Json::array({Json{{"type", "Fuse"}}})}};
  EXPECT_TRUE(mentions(error_of(json), "Fuse")) << error_of(json);
}

TEST(TokenizerFiles, ATokenMayBeListedTwice) {
  Json special = added(259, "<|x|>", false);
  special["special"] = true;  // makes no difference to encoding
  const text::Tokenizer tokenizer = parsed(with_added({added(259, "<|x|>", false), special}));
  EXPECT_EQ(value_of(tokenizer.encode("a<|x|>", text::SpecialTokens::parse)), (Ids{97, 259}));
}

TEST(TokenizerFiles, ATokenListedTwiceWithADifferenceIsRefusedByName) {
  EXPECT_TRUE(mentions(error_of(with_added({added(300, "<|x|>", false)})), "259 and 300"));
  EXPECT_TRUE(mentions(error_of(with_added({added(259, "<|x|>", true)})), "flag normalized"));
  EXPECT_TRUE(mentions(error_of(with_added({added(259, "<|z|>", false)})), "same id 259"));
  EXPECT_TRUE(mentions(
      error_of(with_added({added(300, "\u00e9", true), added(301, "e\u0301", true)})), "301"));
}

// ---- normalized added tokens ----

TEST(TokenizerFiles, ANormalizedTokenIsTextUnlessTokensAreParsed) {
  const text::Tokenizer tokenizer = parsed(with_added({added(261, "<answer>", true)}));
  const std::string text = "x <answer> y";
  EXPECT_EQ(value_of(tokenizer.encode(text, text::SpecialTokens::plain)), bytes_of(text));
  EXPECT_EQ(value_of(tokenizer.encode(text, text::SpecialTokens::parse)),
            (Ids{120, 32, 261, 32, 121}));
  EXPECT_EQ(value_of(tokenizer.encode("<answer>", text::SpecialTokens::parse)), Ids{261});
  EXPECT_EQ(*tokenizer.decode(Ids{120, 261}), "x<answer>");
  EXPECT_EQ(tokenizer.added_token_id("<answer>"), 261);
}

TEST(TokenizerFiles, ANormalizedTokenIsFoundInTheNormalisedText) {
  struct Case {
    const char* name;
    Json token;
    std::string text;
    Ids ids;
  };
  const std::vector<Case> cases = {
      // Both spellings of text and token are the NFC form c3 a9.
      {"token NFD, text NFC", added(261, "e\u0301", true), "a\u00e9b", {97, 261, 98}},
      {"token NFD, text NFD", added(261, "e\u0301", true), "ae\u0301b", {97, 261, 98}},
      {"token NFC, text NFD", added(261, "\u1e01", true), "ba\u0325b", {98, 261, 98}},
      {"without the flag, text NFC", added(261, "e\u0301", false), "a\u00e9", {97, 195, 169}},
      {"without the flag, text NFD", added(261, "e\u0301", false), "ae\u0301", {97, 261}},
      // U+0338 makes one character U+226F (e2 89 af) of the token's last one.
      {"the end composes", added(261, "<b>", true), "<b>\u0338", {60, 98, 226, 137, 175}},
      {"without the flag it does not", added(261, "<b>", false), "<b>\u0338", {261, 204, 184}},
      // Tokens as given come first, even where the other one begins earlier or is longer.
      {"as given first", added(261, "a<|x|>", true), "a<|x|>", {97, 259}},
      {"as given first, inside", added(261, "b<|x|>c", true), "ab<|x|>c", {256, 259, 99}},
      {"a merge does not reach over it", added(261, "bc", true), "abcab", {97, 261, 256}},
      {"every occurrence", added(261, "bb", true), "bbbbb", {261, 261, 98}},
  };
  for (const Case& one : cases) {
    const text::Tokenizer tokenizer = parsed(with_added({one.token}));
    EXPECT_EQ(value_of(tokenizer.encode(one.text, text::SpecialTokens::parse)), one.ids)
        << one.name;
  }
}

TEST(TokenizerFiles, ATextThatTheVocabularySpellsInTheByteAlphabetMayBeAddedAsItIs) {
  // The vocabulary's token 258 is spelt with U+0120; the library gives the text " a" a new id.
  const text::Tokenizer tokenizer = parsed(with_added({added(261, " a", true)}));
  EXPECT_EQ(value_of(tokenizer.encode("b a", text::SpecialTokens::parse)), (Ids{98, 261}));
  EXPECT_EQ(value_of(tokenizer.encode("b a", text::SpecialTokens::plain)), (Ids{98, 258}));
  EXPECT_TRUE(tokenizer.notes().empty());
  EXPECT_TRUE(mentions(error_of(with_added({added(261, "\u0120a", true)})), "contradicts"));
}

TEST(TokenizerFiles, TheLongestNormalizedTokenWins) {
  const text::Tokenizer tokenizer =
      parsed(with_added({added(261, "<a", true), added(262, "<ab>", true)}));
  EXPECT_EQ(value_of(tokenizer.encode("<ab><a>", text::SpecialTokens::parse)), (Ids{262, 261, 62}));
}

TEST(TokenizerFiles, NormalizedTokensAreLookedForInLiteralsOnly) {
  const text::Tokenizer tokenizer = parsed(with_added({added(261, "<b>", true)}));
  const std::vector<text::Span> spans = {{"<b>", text::SpecialTokens::plain},
                                         {"<b>e", text::SpecialTokens::parse},
                                         {"\u0301<b>", text::SpecialTokens::plain}};
  // The mark composes with the literal's last letter: the rest of the text is still one run.
  EXPECT_EQ(value_of(tokenizer.encode(spans)), (Ids{60, 98, 62, 261, 195, 169, 60, 98, 62}));
}

// ---- post-processors ----

Json special_piece(const char* token) {
  return {{"SpecialToken", {{"id", token}, {"type_id", 0}}}};
}
Json text_piece() { return {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}; }

Json template_processor(const Json& single, const Json& special_tokens) {
  return {{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", special_tokens}};
}

Json special_token(const char* name, int id) {
  return {{"id", name}, {"ids", Json::array({id})}, {"tokens", Json::array({name})}};
}

/// As in Qwen3-Embedding: byte level, then an end token after every text.
Json end_processor() {
  return {{"type", "Sequence"},
          {"processors",
           {Json{{"type", "ByteLevel"}, {"trim_offsets", false}},
            template_processor({text_piece(), special_piece("<|x|>")},
                               {{"<|x|>", special_token("<|x|>", 259)}})}}};
}

TEST(TokenizerFiles, AnEndTokenStandsAfterATextOnItsOwn) {
  Json json = small_tokenizer_json();
  json["post_processor"] = end_processor();
  const text::Tokenizer tokenizer = parsed(json);
  const Ids bare = value_of(tokenizer.encode("abc a", text::SpecialTokens::plain));
  EXPECT_EQ(bare, (Ids{257, 258}));
  EXPECT_EQ(tokenizer.with_ends(bare), (Ids{257, 258, 259}));
  EXPECT_EQ(tokenizer.with_ends({}), Ids{259});
  ASSERT_EQ(tokenizer.notes().size(), 1u);
  EXPECT_TRUE(mentions(tokenizer.notes()[0], "<|x|>")) << tokenizer.notes()[0];
  EXPECT_TRUE(mentions(tokenizer.notes()[0], "259")) << tokenizer.notes()[0];
}

TEST(TokenizerFiles, PlainTranscriptsGetTheEndTokenAndTheChatTemplateDoesNot) {
  Json json = small_tokenizer_json();
  const text::Tokenizer without = parsed(json);
  json["post_processor"] = end_processor();
  const text::Tokenizer with = parsed(json);
  const std::vector<Message> messages = {{"user", "abc"}, {"assistant", "a"}};
  for (const InputMode mode : {InputMode::plain, InputMode::chat, InputMode::chat_raw}) {
    text::RouterInputOptions options;
    options.mode = mode;
    Ids expected = text::build_router_input(without, messages, options)->ids;
    if (mode == InputMode::plain) expected.push_back(259);
    EXPECT_EQ(text::build_router_input(with, messages, options)->ids, expected)
        << input_mode_name(mode);
  }
}

TEST(TokenizerFiles, LaterTemplatesStandAroundEarlierOnes) {
  const Json tokens = {{"<|x|>", special_token("<|x|>", 259)},
                       {"<|x|><y>", special_token("<|x|><y>", 260)}};
  Json json = small_tokenizer_json();
  json["post_processor"] = {
      {"type", "Sequence"},
      {"processors",
       {template_processor({special_piece("<|x|>"), text_piece(), special_piece("<|x|>")}, tokens),
        template_processor({special_piece("<|x|><y>"), text_piece(), special_piece("<|x|><y>")},
                           tokens)}}};
  EXPECT_EQ(parsed(json).with_ends({97}), (Ids{260, 259, 97, 259, 260}));
}

TEST(TokenizerFiles, TemplatesThatAreDamagedOrContradictAreRefusedByName) {
  const auto error_with = [](const Json& processor) {
    Json json = small_tokenizer_json();
    json["post_processor"] = processor;
    return error_of(json);
  };
  const Json single = {text_piece(), special_piece("<|x|>")};
  const auto token = [](const Json& value) { return Json{{"<|x|>", value}}; };
  const std::vector<std::pair<Json, const char*>> cases = {
      {Json{{"type", "TemplateProcessing"}}, "single"},
      {template_processor(single, Json::object()), "no ids"},
      {template_processor(single, token({{"ids", Json::array({-1})}})), "-1"},
      {template_processor({text_piece(), special_piece("<|q|>")},
                          {{"<|q|>", special_token("<|q|>", 300)}}),
       "300 is not defined"},
      {template_processor(single,
                          token({{"ids", Json::array({97})}, {"tokens", Json::array({"<|x|>"})}})),
       "259"},
      {template_processor({text_piece(), text_piece()}, Json::object()), "2 times"},
      {template_processor(Json::array({Json{{"Sequence", {{"id", "B"}}}}}), Json::object()),
       "piece"},
      {Json{{"type", "BertProcessing"}, {"sep", {"[SEP]", 1}}}, "BertProcessing"},
  };
  for (const auto& [processor, part] : cases)
    EXPECT_TRUE(mentions(error_with(processor), part)) << part << " gave " << error_with(processor);
}

// ---- ids ----

TEST(TokenizerFiles, IdsThatLeaveAGapAreUsedAndNoted) {
  const text::Tokenizer tokenizer = parsed(with_added({added(500, "<answer>", false)}));
  EXPECT_EQ(value_of(tokenizer.encode("<answer>", text::SpecialTokens::parse)), Ids{500});
  ASSERT_EQ(tokenizer.notes().size(), 1u);
  EXPECT_TRUE(mentions(tokenizer.notes()[0], "500")) << tokenizer.notes()[0];
  EXPECT_TRUE(mentions(tokenizer.notes()[0], "261")) << tokenizer.notes()[0];
  EXPECT_TRUE(parsed(with_added({added(261, "<answer>", false)})).notes().empty());
  EXPECT_TRUE(parsed(with_added({added(257, "abc", false)})).notes().empty())
      << "a token of the vocabulary keeps its id";
}

}  // namespace
}  // namespace trinity
