// Redaction: names, texts, values; every container; and what must stay.
#include "trace/redact.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace trinity::trace {
namespace {

Json redacted(const Json& value, const std::vector<std::string>& values = {},
              Content content = Content::hash) {
  const std::vector<std::string> known = redaction_values(values);
  return Redactor(content, known).value(value);
}

TEST(Redact, TR_4_SecretNamesAndBearerTexts) {
  const Json out =
      redacted({{"api_key", "k-1"},
                {"nested", {{"Authorization", "Basic eA=="}, {"deep", {{"token", 7}}}}},
                {"list", Json::array({"Bearer abc", "plain", {{"password", "p"}}})},
                {"secret", {{"inner", 1}}},
                {"text", "kept"}});
  EXPECT_EQ(out["api_key"].as_string(), kRedacted);
  EXPECT_EQ(out["nested"]["Authorization"].as_string(), kRedacted);
  EXPECT_EQ(out["nested"]["deep"]["token"].as_string(), kRedacted);
  EXPECT_EQ(out["list"][0].as_string(), kRedacted);
  EXPECT_EQ(out["list"][1].as_string(), "plain");
  EXPECT_EQ(out["list"][2]["password"].as_string(), kRedacted);
  EXPECT_EQ(out["secret"].as_string(), kRedacted);
  EXPECT_EQ(out["text"].as_string(), "kept");
}

TEST(Redact, NamesThatEndLikeASecretAndCountersThatDoNot) {
  for (const char* name :
       {"api_key", "API_KEY", "apikey", "access_token", "X-Api-Key", "x-goog-api-key", "cookie",
        "Set-Cookie", "refresh_token", "client_secret", "aws_key"})
    EXPECT_TRUE(is_secret_name(name)) << name;
  for (const char* name :
       {"max_tokens", "token_count", "provider_max_tokens", "input_tokens", "tokens", "keys",
        "time_to_first_token", "usd_per_token", "response_hash", "key", "secretary", ""})
    EXPECT_FALSE(is_secret_name(name)) << name;
}

TEST(Redact, ABearerNeedsASpaceAndReplacesTheWholeText) {
  EXPECT_EQ(redacted("the BEARER abc.def was refused").as_string(), kRedacted);
  EXPECT_EQ(redacted("bearer").as_string(), "bearer");
  EXPECT_EQ(redacted("two words").as_string(), "two words");
}

TEST(Redact, ContentFullTurnsOffTheKeyRuleAlone) {
  const Json out = redacted({{"token", "T-9"}, {"other", "Bearer x y"}, {"said", "T-8 here"}},
                            {"T-8"}, Content::full);
  EXPECT_EQ(out["token"].as_string(), "T-9");
  EXPECT_EQ(out["other"].as_string(), kRedacted);
  EXPECT_EQ(out["said"].as_string(), "<redacted> here");
}

TEST(Redact, GOV_3_ValuesGoWhereverTheyStand) {
  const std::vector<std::string> values = {" sk-12 ", "sk-12-long", "", "  ", "sk-12"};
  EXPECT_EQ(redaction_values(values), (std::vector<std::string>{"sk-12-long", "sk-12"}));
  const Json out = redacted({{"error", {"http_error", 401, "key sk-12-long, sk-12 and sk-12sk-12"}},
                             {"sk-12", "by name"}},
                            values);
  EXPECT_EQ(json_text(out).find("sk-12"), std::string::npos) << json_text(out);
  EXPECT_EQ(out["error"][2].as_string(), "key <redacted>, <redacted> and <redacted><redacted>");
  EXPECT_EQ(out["error"][1].as_int64(), 401);
  EXPECT_EQ(out["<redacted>"].as_string(), "by name");
}

TEST(Redact, AValueThatStandsInTheReplacementDoesNotGrowIt) {
  EXPECT_EQ(redacted("a redacted word", {"redacted", "red", "e"}).as_string(), "a <redacted> word");
}

TEST(Redact, TwoNamesThatDifferInTheirSecretBothStay) {
  const Json out = redacted({{"a-s1", 1}, {"a-s2", 2}}, {"s1", "s2"});
  EXPECT_EQ(out.size(), 2u);
}

TEST(Redact, UserAndPasswordOfAnAddressGo) {
  EXPECT_EQ(redacted("https://me:pw@host:8/v1?x=a@b").as_string(),
            "https://<redacted>@host:8/v1?x=a@b");
  EXPECT_EQ(redacted("see http://a@b@c/ and http://plain/").as_string(),
            "see http://<redacted>@c/ and http://plain/");
  for (const char* text : {"https://host/v1/@user", "://", "x://@", "mail@host"})
    EXPECT_EQ(redacted(text).as_string(), std::string(text) == "x://@" ? "x://<redacted>@" : text);
}

}  // namespace
}  // namespace trinity::trace
