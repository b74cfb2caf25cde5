#include "cli/input/records.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trinity::cli {
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
  const auto& list = std::get<std::vector<Message>>(*messages.value);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].role, "user");
  EXPECT_EQ(list[0].content, "a");
  EXPECT_EQ(list[1].role, "tool");
  EXPECT_EQ(list[1].content, "");
  EXPECT_EQ(std::get<std::string>(*read_query(line(R"({"text":"a\u00e9"})")).value), "a\xC3\xA9");
  EXPECT_EQ(std::get<std::vector<std::int32_t>>(
                *read_query(line(R"({"ids":[0,-1,2147483647,-2147483648]})")).value),
            (std::vector<std::int32_t>{0, -1, 2147483647, -2147483647 - 1}));
}

TEST(Records, KeepTheIdWhateverItIs) {
  EXPECT_EQ(read_query(line(R"({"id":"a\"b","text":""})")).origin.id, R"("a\"b")");
  EXPECT_EQ(read_query(line(R"({"id":7,"text":""})")).origin.id, "7");
  EXPECT_EQ(read_query(line(R"({"id":null,"text":""})")).origin.id, "null");
  EXPECT_EQ(read_query(line(R"({"text":""})")).origin.id, "");
  EXPECT_EQ(read_query(line(R"({"id":7,"messages":3})")).origin.id, "7");
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
                {"error", {{"tag", "some_tag"}, {"message", "line 12: sentence"}, {"line", 12}}}}));
  out.clear();
  append_record_error(out, {0, ""}, {ErrorKind::invalid_input, "some_tag", "sentence"});
  EXPECT_EQ(nlohmann::json::parse(out),
            (nlohmann::json{{"error", {{"tag", "some_tag"}, {"message", "sentence"}}}}));
}

TEST(Records, IdListsAreReadFromCommasAndSpaces) {
  EXPECT_EQ(*parse_id_list("872,25, 659\n"), (std::vector<std::int32_t>{872, 25, 659}));
  EXPECT_EQ(*parse_id_list(""), std::vector<std::int32_t>{});
  for (const char* wrong : {"a", "1,x", "1.5", "99999999999", "1;2", "0x1"}) {
    EXPECT_FALSE(parse_id_list(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace trinity::cli
