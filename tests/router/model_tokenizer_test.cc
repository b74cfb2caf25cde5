// Which tokenizer a model folder is read with, and what it adds to a text.
#include "router/router_support.h"

namespace trinity::testing {
namespace {

using Json = nlohmann::ordered_json;
using Ids = std::vector<int32_t>;

/// A copy of the small model without a tokenizer.
class ModelTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder / "models/ft/m");
    for (const char* name : {"config.json", "model.safetensors", "router_head.safetensors"})
      std::filesystem::copy_file(small_model() / name, model() / name);
    options = small_options();
    options.model = model();
  }

  std::filesystem::path model() const { return folder / "models/ft/m"; }

  Result<Ids> ids_of(const RouterQuery& query, const InputOptions& input = {}) {
    const auto router = load(options);
    auto results = router->extract_batch({&query, 1}, input);
    if (!results.front()) return tl::unexpected(results.front().error());
    return results.front()->ids;
  }
  std::string error_of(const RouterQuery& query) {
    const auto ids = ids_of(query);
    return ids ? "no error" : ids.error().tag + ": " + ids.error().message;
  }

  TemporaryFolder folder;
  RouterOptions options;
  const RouterQuery text = RawText{"abc a"};
};

bool mentions(const std::string& message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

TEST_F(ModelTokenizer, OneFromElsewhereIsNamed) {
  const auto file =
      folder.put("models/other_tokenizer/tokenizer.json", small_tokenizer_json().dump());
  EXPECT_EQ(take(ids_of(text)), (Ids{257, 258}));
  const std::vector<std::string> warnings = load(options)->info().warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(mentions(warnings[0], std::filesystem::canonical(file).string())) << warnings[0];
  EXPECT_TRUE(mentions(warnings[0], "--tokenizer")) << warnings[0];
}

TEST_F(ModelTokenizer, ItsOwnNeedsNoWord) {
  folder.put("models/other_tokenizer/tokenizer.json", "{}");
  folder.put("models/ft/m/tokenizer.json", small_tokenizer_json().dump());
  folder.put("models/ft/m/vocab.json", "{}");  // as the hub's folders have beside it
  for (const std::string path : {"models/ft/m", "models/ft/m/", "models/ft/../ft/m"}) {
    options.model = folder / path;
    EXPECT_EQ(take(ids_of(text)), (Ids{257, 258})) << path;
    EXPECT_TRUE(load(options)->info().warnings.empty()) << path;
  }
}

TEST_F(ModelTokenizer, OneFromElsewhereIsNotUsedForAModelWithItsOwnVocabulary) {
  const auto other =
      folder.put("models/other_tokenizer/tokenizer.json", small_tokenizer_json().dump());
  for (const std::string name : {"vocab.json", "merges.txt", "tokenizer.model"}) {
    folder.put("models/ft/m/" + name, "{}");
    const std::string error = error_of(text);
    for (const char* part : {"missing_tokenizer", name.c_str(), "save_pretrained", "--tokenizer"})
      EXPECT_TRUE(mentions(error, part)) << error;
    EXPECT_EQ(take(ids_of(Ids{1, 2})), (Ids{1, 2})) << "ids need no tokenizer";
    options.tokenizer = other;
    EXPECT_EQ(take(ids_of(text)), (Ids{257, 258})) << "the caller knows";
    options.tokenizer.clear();
    std::filesystem::remove(model() / name);
  }
}

TEST_F(ModelTokenizer, OneWithMoreIdsThanTheModelIsNotUsed) {
  Json large = small_tokenizer_json();
  large["model"]["vocab"]["abc"] = 300;  // the model has ids up to 299
  folder.put("models/other_tokenizer/tokenizer.json", large.dump());
  EXPECT_TRUE(mentions(error_of(text), "missing_tokenizer")) << error_of(text);
}

TEST_F(ModelTokenizer, AnEndTokenOfItsPostProcessorIsAddedAndNamed) {
  Json json = small_tokenizer_json();
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", Json::array({Json{{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
                              Json{{"SpecialToken", {{"id", "<|x|>"}, {"type_id", 0}}}}})},
      {"special_tokens",
       {{"<|x|>",
         {{"id", "<|x|>"}, {"ids", Json::array({259})}, {"tokens", Json::array({"<|x|>"})}}}}}};
  folder.put("models/ft/m/tokenizer.json", json.dump());
  EXPECT_EQ(take(ids_of(text)), (Ids{257, 258, 259}));
  EXPECT_EQ(take(ids_of(Conversation{{"a", "abc"}})), (Ids{97, 58, 32, 257, 259}));
  EXPECT_EQ(take(ids_of(Ids{257, 258})), (Ids{257, 258})) << "ids are what they are";
  EXPECT_TRUE(mentions(error_of(RawText{}), "empty_transcript"));
  InputOptions chat;
  chat.input_mode = InputMode::chat_raw;
  EXPECT_NE(take(ids_of(Conversation{{"user", "abc"}}, chat)).back(), 259);
  const std::vector<std::string> warnings = load(options)->info().warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(mentions(warnings[0], "<|x|>")) << warnings[0];
}

}  // namespace
}  // namespace trinity::testing
