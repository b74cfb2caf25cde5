#include "wire/records.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trinity::wire {
namespace {

Line line(const std::string& text) { return {text, 3, false}; }

std::string tag_of(const std::string& text) {
  const Record<RouterQuery> record = read_query(line(text));
  return record.value ? "no error" : record.value.error().tag;
}

TEST(Records, ReadMessagesTextAndIds) {
  const auto messages = read_query(line(
      R"({"messages":[{"role":"user","content":"a","name":"x"},{"role":"tool","content":""}],"x":1})"));
  ASSERT_TRUE(messages.value);
  const auto& list = std::get<std::vector<Message>>(messages.value->value);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].role, "user");
  EXPECT_EQ(list[0].content, "a");
  EXPECT_EQ(list[1].role, "tool");
  EXPECT_EQ(list[1].content, "");
  EXPECT_EQ(std::get<RawText>(read_query(line(R"({"text":"a\u00e9"})")).value->value).text,
            "a\xC3\xA9");
  EXPECT_EQ(std::get<std::vector<std::int32_t>>(
                read_query(line(R"({"ids":[0,-1,2147483647,-2147483648]})")).value->value),
            (std::vector<std::int32_t>{0, -1, 2147483647, -2147483647 - 1}));
}

TEST(Records, KeepTheIdWhateverItIs) {
  EXPECT_EQ(read_query(line(R"({"id":"a\"b","text":""})")).origin.id, R"("a\"b")");
  EXPECT_EQ(read_query(line(R"({"id":7,"text":""})")).origin.id, "7");
  EXPECT_EQ(read_query(line(R"({"id":null,"text":""})")).origin.id, "null");
  EXPECT_EQ(read_query(line(R"({"text":""})")).origin.id, "");
  EXPECT_EQ(read_query(line(R"({"id":7,"messages":3})")).origin.id, "7");
}

TEST(Records, IdsComeBackByteForByte) {
  for (const std::string id :
       {"12345678901234567890123", "18446744073709551616", "-9223372036854775809", "-0", "-0.0",
        "1.0", "1e2", "1E+2", "0.12345678901234567890", "1e-400", "1e400", "-1.5E+999",
        "[1e400,{\"a\":-2e308}]", R"("\u0041\/")",
        R"({ "user" : 98765432109876543210,"b":[1.10,  {"a":-0}] })", "[]", "true"}) {
    for (const std::string rest :
         {R"("text":"a")", R"("text":7)", R"("text":"a","text":"b")", R"("text":"\ud83d")"}) {
      const auto record = read_query(line("{\"id\" : " + id + " , " + rest + "}"));
      EXPECT_EQ(record.origin.id, id) << rest;
    }
    EXPECT_EQ(read_query(line("{\"text\":\"a\",\"id\":" + id + "}")).origin.id, id);
  }
  std::string out;
  append_record_begin(out, {1, "12345678901234567890123"});
  EXPECT_EQ(out, "{\"id\":12345678901234567890123,\"schema_version\":1,");
  out.clear();
  append_record_begin(out, {1, "{\n  \"a\": 1\r\n}"});  // an answer is one line
  EXPECT_EQ(nlohmann::json::parse(out + "\"x\":0}")["id"]["a"], 1);
  EXPECT_EQ(out.find_first_of("\r\n"), std::string::npos);
}

TEST(Records, NumbersBeyondEveryDoubleMatterOnlyWhereTheyAreRead) {
  const std::string digits(400, '7');
  for (const std::string& number : {std::string("1e400"), "-" + digits, digits + ".5"}) {
    EXPECT_TRUE(read_query(line("{\"id\":" + number + ",\"text\":\"a\"}")).value) << number;
    EXPECT_TRUE(read_query(line("{\"text\":\"a\",\"score\":[" + number + "]}")).value);
    EXPECT_EQ(tag_of("{\"ids\":[1," + number + "]}"), "invalid_ids");
    EXPECT_EQ(tag_of("{\"text\":" + number + "}"), "invalid_text");
  }
  EXPECT_EQ(tag_of(R"({"id":1e400,"text":"a","text":"b"})"), "duplicate_key");
  EXPECT_EQ(tag_of(R"({"id":1e400,"text":"\ud83d"})"), "lone_surrogate");
  EXPECT_EQ(tag_of(R"({"id":1e400,"text":"a")"), "invalid_json");
  for (const std::string& wrong :
       {std::string("01e400"), std::string("1.e400"), "0" + digits, digits + "."})
    EXPECT_EQ(tag_of("{\"id\":" + wrong + ",\"text\":\"a\"}"), "invalid_json") << wrong;
}

TEST(Records, NameHalfOfASurrogatePair) {
  for (const std::string text : {R"("cut emoji \ud83d")", R"("\uDE00 alone")", R"("\ud83d\u0041")",
                                 R"("\\\ud83d\ud83d\ude00")"}) {
    const auto record = read_query(line(R"({"id":"cut","text":)" + text + "}"));
    ASSERT_FALSE(record.value);
    EXPECT_EQ(record.value.error().tag, "lone_surrogate") << text;
    EXPECT_NE(record.value.error().message.find("half of a surrogate pair"), std::string::npos);
    EXPECT_EQ(record.origin.id, "\"cut\"");
  }
  EXPECT_EQ(read_query(line(R"({"id":"\ud83d","text":"a"})")).origin.id, R"("\ud83d")");
  EXPECT_EQ(tag_of(R"({"text":"\ud83d\ude00 \\ud83d"})"), "no error");
  EXPECT_EQ(tag_of(R"({"text":"\ud83d")"), "invalid_json");  // more is wrong than that
  EXPECT_EQ(std::get<RawText>(read_query(line(R"({"text":"\ud83d\ude00"})")).value->value).text,
            "\xF0\x9F\x98\x80");
}

TEST(Records, PlainTextIsToldHowToBePassed) {
  for (const char* text : {"Is 1009 prime?", "hello", "- item", "user: hi"}) {
    const auto record = read_query(line(text));
    ASSERT_FALSE(record.value);
    EXPECT_EQ(record.value.error().tag, "invalid_json");
    EXPECT_NE(record.value.error().message.find(R"({"text":"…"})"), std::string::npos)
        << record.value.error().message;
  }
  EXPECT_NE(read_query(line("\"Hi\"")).value.error().message.find("one record a line"),
            std::string::npos);
  EXPECT_EQ(read_query(line("{\"text\":")).value.error().message.find("plain text"),
            std::string::npos);
}

TEST(Records, JsonThatWasNotCompletedIsToldSo) {
  const auto says_so = [](const std::string& text) {
    return read_query(line(text)).value.error().message.find("not completed by the lines") !=
           std::string::npos;
  };
  EXPECT_TRUE(says_so("["));
  EXPECT_TRUE(says_so(" {\"id\":1,"));
  EXPECT_FALSE(says_so("{\"id\":1},"));
  EXPECT_FALSE(says_so("{\"id\":1"));
  EXPECT_FALSE(says_so("nonsense,"));
}

TEST(Records, NameWhatIsWrong) {
  EXPECT_EQ(tag_of("nonsense"), "invalid_json");
  EXPECT_EQ(tag_of("{\"text\":\"\xFF\"}"), "invalid_utf8");
  EXPECT_EQ(tag_of(R"({"text":"a","text":"b"})"), "duplicate_key");
  EXPECT_EQ(tag_of("[1]"), "invalid_record");
  EXPECT_EQ(tag_of("{}"), "invalid_record");
  EXPECT_EQ(tag_of(R"({"text":"a","ids":[1]})"), "invalid_record");
  EXPECT_EQ(tag_of(R"({"messages":{"role":"user","content":"a"}})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"messages":"a"})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"messages":null})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"messages":["a"]})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"messages":[{"role":"user"}]})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"messages":[{"role":1,"content":"a"}]})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"messages":[{"role":"user","content":["a"]}]})"), "invalid_messages");
  EXPECT_EQ(tag_of(R"({"text":3})"), "invalid_text");
  EXPECT_EQ(tag_of(R"({"ids":3})"), "invalid_ids");
  EXPECT_EQ(tag_of(R"({"ids":[1.5]})"), "invalid_ids");
  EXPECT_EQ(tag_of(R"({"ids":["1"]})"), "invalid_ids");
  EXPECT_EQ(tag_of(R"({"ids":[2147483648]})"), "invalid_ids");
  EXPECT_EQ(tag_of(R"({"ids":[-2147483649]})"), "invalid_ids");
  EXPECT_EQ(tag_of(R"({"ids":[18446744073709551615]})"), "invalid_ids");
  EXPECT_EQ(tag_of(std::string(2000, '[')), "json_too_deep");
  Line too_long = line("");
  too_long.too_long = true;
  EXPECT_EQ(read_query(too_long).value.error().tag, "line_too_long");
}

TEST(Records, ASystemPromptBesideTheMessagesIsRefusedByName) {
  const std::string messages = R"("messages":[{"role":"user","content":"a"}])";
  for (const std::string key : {"system", "instructions"}) {
    for (const std::string value : {R"("be kind")", R"([{"type":"text","text":"be kind"}])"}) {
      const auto query = read_query(line("{" + messages + ",\"" + key + "\":" + value + "}")).value;
      ASSERT_FALSE(query) << key;
      EXPECT_EQ(query.error().tag, "unsupported_content") << key;
      EXPECT_NE(query.error().message.find("\"" + key + "\""), std::string::npos);
    }
    for (const std::string nothing : {"null", R"("")", "true"})
      EXPECT_TRUE(read_query(line("{" + messages + ",\"" + key + "\":" + nothing + "}")).value);
  }
  EXPECT_TRUE(read_query(line(R"({"text":"a","system":"of another program"})")).value);
}

TEST(Records, TextAndIdsAreReadAlone) {
  EXPECT_EQ(*read_text(line(R"( {"text":"a\nb","x":[1,{"y":"]}"}]} )")).value, "a\nb");
  EXPECT_EQ(*read_ids(line(R"({"ids": [ 1 , 2 ]})")).value, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(read_text(line("{}")).value.error().tag, "invalid_record");
  EXPECT_EQ(read_ids(line(R"({"ids":[1e0]})")).value.error().tag, "invalid_ids");
}

TEST(Records, ErrorsOfMessageEntriesShowTheEntry) {
  const auto record = read_query(line(R"({"messages":[{"role":"user","content":7}]})"));
  EXPECT_NE(record.value.error().message.find("invalid message entry: {"), std::string::npos)
      << record.value.error().message;
}

TEST(Records, ErrorObjectsCarryIdTagMessageAndLine) {
  std::string out;
  append_record_error(out, {12, "\"x\""}, {ErrorKind::invalid_input, "some_tag", "sentence"});
  EXPECT_EQ(out.back(), '\n');
  const auto object = nlohmann::json::parse(out);
  EXPECT_EQ(object,
            (nlohmann::json{
                {"id", "x"},
                {"schema_version", 1},
                {"error", {{"tag", "some_tag"}, {"message", "line 12: sentence"}, {"line", 12}}}}));
  out.clear();
  append_record_error(out, {0, ""}, {ErrorKind::invalid_input, "some_tag", "sentence"});
  EXPECT_EQ(nlohmann::json::parse(out),
            (nlohmann::json{{"schema_version", 1},
                            {"error", {{"tag", "some_tag"}, {"message", "sentence"}}}}));
}

}  // namespace
}  // namespace trinity::wire
