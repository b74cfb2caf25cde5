// Reading tokenizer files: the variants that are accepted, and typed refusals of everything else.
#include "text/tokenizer_json.h"

#include <functional>

#include "support.h"
#include "text/pre_tokenizer.h"

namespace trinity {
namespace {

using testing::alphabet_spelling;
using testing::Ids;
using testing::small_tokenizer_json;
using testing::tag_of;
using testing::value_of;
using Json = nlohmann::ordered_json;

std::string error_of_document(const Json& json) {
  const Result<text::Tokenizer> tokenizer = text::Tokenizer::parse(json.dump());
  return tokenizer ? "no error" : tokenizer.error().tag + ": " + tokenizer.error().message;
}

Ids encoded(const std::string& json, std::string_view text) {
  const Result<text::Tokenizer> tokenizer = text::Tokenizer::parse(json);
  if (!tokenizer) {
    ADD_FAILURE() << tokenizer.error().message;
    return {};
  }
  return value_of(tokenizer->encode(text, text::SpecialTokens::parse));
}

const std::string sample = "abcab<|x|><y> a ab";
const Ids sample_ids = {257, 256, 260, 258, 32, 256};

TEST(TokenizerJson, SmallFileEncodes) {
  EXPECT_EQ(encoded(small_tokenizer_json().dump(), sample), sample_ids);
  EXPECT_EQ(text::Tokenizer::parse(small_tokenizer_json().dump())->vocab_size(), 261);
}

TEST(TokenizerJson, EquivalentSpellingsGiveTheSameTokenizer) {
  const Json base = small_tokenizer_json();
  EXPECT_EQ(encoded(base.dump(2), sample), sample_ids) << "indented";
  EXPECT_EQ(encoded(base.dump(-1, ' ', true), sample), sample_ids) << "ASCII with escapes";

  Json strings = base;
  strings["model"]["merges"] = {"a b", "ab c", alphabet_spelling(' ') + " a"};
  EXPECT_EQ(encoded(strings.dump(), sample), sample_ids) << "merges as strings";

  Json late = base;
  const Json vocabulary = late["model"]["vocab"];
  late["model"].erase("vocab");
  late["model"]["vocab"] = vocabulary;
  EXPECT_EQ(encoded(late.dump(), sample), sample_ids) << "merges before the vocabulary";

  Json backwards = Json::object();
  for (auto entry = base.rbegin(); entry != base.rend(); ++entry) backwards[entry.key()] = *entry;
  EXPECT_EQ(encoded(backwards.dump(), sample), sample_ids) << "sections in another order";

  Json bare = base;
  for (const char* key : {"version", "truncation", "padding", "post_processor", "decoder"})
    bare.erase(key);
  for (const char* key : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                          "fuse_unk", "byte_fallback", "ignore_merges"}) {
    bare["model"].erase(key);
  }
  EXPECT_EQ(encoded(bare.dump(), sample), sample_ids) << "optional keys left out";

  Json nulls = base;
  for (const char* key : {"post_processor", "decoder"}) nulls[key] = nullptr;
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"}) {
    nulls["model"][key] = nullptr;
  }
  nulls["some_new_section"] = {1, {{"deep", {2}}}};
  EXPECT_EQ(encoded(nulls.dump(), sample), sample_ids) << "nulls and unknown sections";
}

TEST(TokenizerJson, AddedTokensMayBeAbsentOrRepeatTheVocabulary) {
  Json none = small_tokenizer_json();
  none.erase("added_tokens");
  EXPECT_EQ(encoded(none.dump(), "<|x|>"), (Ids{60, 124, 120, 124, 62}));
  Json repeated = small_tokenizer_json();
  repeated["added_tokens"][0]["content"] = "abc";
  repeated["added_tokens"][0]["id"] = 257;
  EXPECT_EQ(encoded(repeated.dump(), "abc"), Ids{257});
}

TEST(TokenizerJson, IdsMayLeaveGaps) {
  Json gaps = small_tokenizer_json();
  gaps["model"]["vocab"]["abc"] = 5000;
  EXPECT_EQ(encoded(gaps.dump(), "abc"), Ids{5000});
  const Result<text::Tokenizer> tokenizer = text::Tokenizer::parse(gaps.dump());
  EXPECT_EQ(tokenizer->vocab_size(), 5001);
  EXPECT_EQ(tag_of(tokenizer->decode(Ids{257})), "unknown_token_id");
}

struct Refusal {
  const char* name;
  const char* tag;
  const char* mentions;
  std::function<void(Json&)> change;
};

const std::vector<Refusal>& refusals() {
  static const std::vector<Refusal> list = {
      // Other families.
      {"no normalizer", "unsupported_tokenizer", "NFC", [](Json& j) { j.erase("normalizer"); }},
      {"null normalizer", "unsupported_tokenizer", "NFC",
       [](Json& j) { j["normalizer"] = nullptr; }},
      {"NFKC", "unsupported_tokenizer", "NFKC", [](Json& j) { j["normalizer"]["type"] = "NFKC"; }},
      {"no pre_tokenizer", "unsupported_tokenizer", "Split",
       [](Json& j) { j.erase("pre_tokenizer"); }},
      {"null pre_tokenizer", "unsupported_tokenizer", "Split",
       [](Json& j) { j["pre_tokenizer"] = nullptr; }},
      {"other pre_tokenizer", "unsupported_tokenizer", "Whitespace",
       [](Json& j) {
         j["pre_tokenizer"] = {{"type", "Whitespace"}};
       }},
      {"other regex", "unsupported_tokenizer", "\\p{N}",
       [](Json& j) { j["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "\\s+"; }},
      {"string pattern", "unsupported_tokenizer", "regex",
       [](Json& j) {
         j["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {
             {"String", text::supported_split_regex}};
       }},
      {"other behavior", "unsupported_tokenizer", "Isolated",
       [](Json& j) { j["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Removed"; }},
      {"inverted split", "unsupported_tokenizer", "splits",
       [](Json& j) { j["pre_tokenizer"]["pretokenizers"][0]["invert"] = true; }},
      {"prefix space", "unsupported_tokenizer", "add_prefix_space",
       [](Json& j) { j["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = true; }},
      {"byte-level regex", "unsupported_tokenizer", "use_regex",
       [](Json& j) { j["pre_tokenizer"]["pretokenizers"][1].erase("use_regex"); }},
      {"third step", "unsupported_tokenizer", "Sequence",
       [](Json& j) {
         j["pre_tokenizer"]["pretokenizers"].push_back({{"type", "Digits"}});
       }},
      {"other post-processor", "unsupported_tokenizer", "RobertaProcessing",
       [](Json& j) {
         j["post_processor"] = {{"type", "RobertaProcessing"}};
       }},
      {"other decoder", "unsupported_tokenizer", "WordPiece",
       [](Json& j) {
         j["decoder"] = {{"type", "WordPiece"}};
       }},
      {"Unigram", "unsupported_tokenizer", "BPE", [](Json& j) { j["model"]["type"] = "Unigram"; }},
      {"byte fallback", "unsupported_tokenizer", "byte_fallback",
       [](Json& j) { j["model"]["byte_fallback"] = true; }},
      {"ignored merges", "unsupported_tokenizer", "ignore_merges",
       [](Json& j) { j["model"]["ignore_merges"] = true; }},
      {"sub-word prefix", "unsupported_tokenizer", "continuing_subword_prefix",
       [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }},
      {"word suffix", "unsupported_tokenizer", "end_of_word_suffix",
       [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }},
      {"dropout", "unsupported_tokenizer", "dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }},
      {"token outside the byte alphabet", "unsupported_tokenizer", "byte alphabet",
       [](Json& j) { j["model"]["vocab"]["\u4F60"] = 300; }},
      {"token with a space", "unsupported_tokenizer", "byte alphabet",
       [](Json& j) { j["model"]["vocab"]["a b"] = 300; }},
      {"token with a control character", "unsupported_tokenizer", "byte alphabet",
       [](Json& j) { j["model"]["vocab"]["a\n"] = 300; }},
      {"lstrip", "unsupported_tokenizer", "lstrip",
       [](Json& j) { j["added_tokens"][0]["lstrip"] = true; }},
      {"rstrip", "unsupported_tokenizer", "rstrip",
       [](Json& j) { j["added_tokens"][0]["rstrip"] = true; }},
      {"single_word", "unsupported_tokenizer", "single_word",
       [](Json& j) { j["added_tokens"][0]["single_word"] = true; }},
      {"endless added token", "unsupported_tokenizer", "513",
       [](Json& j) { j["added_tokens"][0]["content"] = std::string(513, 'x'); }},
      // Damaged files.
      {"no model", "invalid_tokenizer", "vocab", [](Json& j) { j.erase("model"); }},
      {"no vocab", "invalid_tokenizer", "vocab", [](Json& j) { j["model"].erase("vocab"); }},
      {"no merges", "invalid_tokenizer", "merges", [](Json& j) { j["model"].erase("merges"); }},
      {"model is a list", "invalid_tokenizer", "model",
       [](Json& j) { j["model"] = Json::array(); }},
      {"vocab is a list", "invalid_tokenizer", "vocab",
       [](Json& j) {
         j["model"]["vocab"] = {1, 2};
       }},
      {"merges is a string", "invalid_tokenizer", "merges",
       [](Json& j) { j["model"]["merges"] = "a b"; }},
      {"added_tokens is an object", "invalid_tokenizer", "added_tokens",
       [](Json& j) { j["added_tokens"] = Json::object(); }},
      {"added token is a string", "invalid_tokenizer", "added_tokens",
       [](Json& j) { j["added_tokens"][0] = "x"; }},
      {"negative id", "invalid_tokenizer", "-1", [](Json& j) { j["model"]["vocab"]["abc"] = -1; }},
      {"huge id", "invalid_tokenizer", "1048576",
       [](Json& j) { j["model"]["vocab"]["abc"] = 1048576; }},
      {"id beyond 64 bits", "invalid_tokenizer", "vocab",
       [](Json& j) { j["model"]["vocab"]["abc"] = 1e30; }},
      {"fractional id", "invalid_tokenizer", "vocab",
       [](Json& j) { j["model"]["vocab"]["abc"] = 1.5; }},
      {"text id", "invalid_tokenizer", "vocab",
       [](Json& j) { j["model"]["vocab"]["abc"] = "257"; }},
      {"id used twice", "invalid_tokenizer", "256",
       [](Json& j) { j["model"]["vocab"]["abc"] = 256; }},
      {"empty token", "invalid_tokenizer", "empty", [](Json& j) { j["model"]["vocab"][""] = 300; }},
      {"missing byte", "invalid_tokenizer", "0x61",
       [](Json& j) {
         j["model"]["vocab"].erase("a");
         j["model"]["merges"] = Json::array();
       }},
      {"merge of unknown tokens", "invalid_tokenizer", "merge 3",
       [](Json& j) {
         j["model"]["merges"].push_back({"xyz", "a"});
       }},
      {"merge with an unknown product", "invalid_tokenizer", "merge 3",
       [](Json& j) {
         j["model"]["merges"].push_back({"b", "a"});
       }},
      {"merge listed twice", "invalid_tokenizer", "merge 3",
       [](Json& j) {
         j["model"]["merges"].push_back({"a", "b"});
       }},
      {"merge of three", "invalid_tokenizer", "merge 0",
       [](Json& j) {
         j["model"]["merges"][0] = {"a", "b", "c"};
       }},
      {"merge of one", "invalid_tokenizer", "merge 0",
       [](Json& j) { j["model"]["merges"][0] = {"a"}; }},
      {"merge without space", "invalid_tokenizer", "merge 0",
       [](Json& j) { j["model"]["merges"][0] = "ab"; }},
      {"merge with two spaces", "invalid_tokenizer", "merge 0",
       [](Json& j) { j["model"]["merges"][0] = "a b c"; }},
      {"merge with an empty side", "invalid_tokenizer", "merge 0",
       [](Json& j) { j["model"]["merges"][0] = "a "; }},
      {"merge is a number", "invalid_tokenizer", "merges",
       [](Json& j) { j["model"]["merges"][0] = 7; }},
      {"merge of numbers", "invalid_tokenizer", "merges",
       [](Json& j) {
         j["model"]["merges"][0] = {1, 2};
       }},
      {"added token without id", "invalid_tokenizer", "no id",
       [](Json& j) { j["added_tokens"][0].erase("id"); }},
      {"added token without content", "invalid_tokenizer", "no content",
       [](Json& j) { j["added_tokens"][0].erase("content"); }},
      {"empty added token", "invalid_tokenizer", "no content",
       [](Json& j) { j["added_tokens"][0]["content"] = ""; }},
      {"added token with a negative id", "invalid_tokenizer", "-5",
       [](Json& j) { j["added_tokens"][0]["id"] = -5; }},
      {"added token with a huge id", "invalid_tokenizer", "2000000",
       [](Json& j) { j["added_tokens"][0]["id"] = 2000000; }},
      {"added tokens with one content", "invalid_tokenizer", "same content",
       [](Json& j) { j["added_tokens"][1]["content"] = "<|x|>"; }},
      {"added tokens with one id", "invalid_tokenizer", "same id",
       [](Json& j) { j["added_tokens"][1]["id"] = 259; }},
      {"added token on a vocabulary id", "invalid_tokenizer", "contradicts",
       [](Json& j) { j["added_tokens"][0]["id"] = 65; }},
      {"added token that the vocabulary has", "invalid_tokenizer", "contradicts",
       [](Json& j) { j["added_tokens"][0]["content"] = "abc"; }},
  };
  return list;
}

TEST(TokenizerJson, RefusesWhatItWouldEncodeWrongly) {
  for (const Refusal& refusal : refusals()) {
    Json json = small_tokenizer_json();
    refusal.change(json);
    const std::string error = error_of_document(json);
    EXPECT_EQ(error.substr(0, error.find(':')), refusal.tag) << refusal.name << " gave " << error;
    EXPECT_NE(error.find(refusal.mentions), std::string::npos) << refusal.name << " gave " << error;
  }
}

TEST(TokenizerJson, RefusalsOfOtherFamiliesSayWhatToDo) {
  for (const Refusal& refusal : refusals()) {
    if (refusal.tag != std::string_view("unsupported_tokenizer")) continue;
    Json json = small_tokenizer_json();
    refusal.change(json);
    EXPECT_NE(error_of_document(json).find("--tokenizer"), std::string::npos)
        << error_of_document(json);
  }
}

TEST(TokenizerJson, RefusesEveryTruncation) {
  const std::string text = small_tokenizer_json().dump();
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(tag_of(text::Tokenizer::parse(std::string_view(text).substr(0, size))),
              "invalid_tokenizer")
        << size;
  }
}

TEST(TokenizerJson, RefusesTextThatIsNotOneJsonObject) {
  const std::string text = small_tokenizer_json().dump();
  for (const std::string& broken :
       {text + "{}", text + "x", "[" + text + "]", std::string("null"), std::string("7"),
        std::string(100000, '['), "{\"a\":" + std::string(100000, '['), std::string("\xFF\xFE"),
        std::string("{\"model\":\"\xC3\x28\"}"), std::string(1000, '\0')}) {
    EXPECT_EQ(tag_of(text::Tokenizer::parse(broken)), "invalid_tokenizer") << broken.substr(0, 40);
  }
}

TEST(TokenizerJson, RefusesDuplicateTokensAndSections) {
  std::string text = small_tokenizer_json().dump();
  const auto with = [&](const std::string& before, const std::string& inserted) {
    std::string changed = text;
    return changed.insert(changed.find(before), inserted);
  };
  // JSON libraries keep one of two equal keys; here both are seen.
  EXPECT_EQ(tag_of(text::Tokenizer::parse(with("\"ab\":256", "\"abc\":300,"))),
            "invalid_tokenizer");
  EXPECT_EQ(tag_of(text::Tokenizer::parse(with("\"merges\"", "\"vocab\":{},"))),
            "invalid_tokenizer");
  EXPECT_EQ(tag_of(text::Tokenizer::parse(with("\"merges\"", "\"merges\":[],"))),
            "invalid_tokenizer");
  EXPECT_EQ(tag_of(text::Tokenizer::parse(with("\"model\"", "\"model\":{\"type\":\"BPE\"},"))),
            "invalid_tokenizer");
  EXPECT_EQ(
      tag_of(text::Tokenizer::parse(with("\"normalizer\"", "\"normalizer\":{\"type\":\"NFC\"},"))),
      "invalid_tokenizer");
}

TEST(TokenizerJson, LoadNamesTheFile) {
  const Result<text::Tokenizer> absent = text::Tokenizer::load("no/such/tokenizer.json");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().tag, "missing_file");
  EXPECT_NE(absent.error().message.find("no/such/tokenizer.json"), std::string::npos);
}

}  // namespace
}  // namespace trinity
