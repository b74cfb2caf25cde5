#include "flags/records.h"

#include <gtest/gtest.h>

namespace trinity::cli {
namespace {

TEST(Prompts, AreOneUserMessage) {
  const auto record = flags::prompt_record("Hi");
  ASSERT_TRUE(record.value);
  const auto& messages = std::get<std::vector<Message>>(record.value->value);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].role, "user");
  EXPECT_EQ(messages[0].content, "Hi");
  EXPECT_EQ(flags::prompt_record("").value.error().tag, "empty_transcript");
}

TEST(Prompts, IdListsAreReadFromCommasAndSpaces) {
  EXPECT_EQ(*flags::parse_id_list("872,25, 659\n"), (std::vector<std::int32_t>{872, 25, 659}));
  EXPECT_EQ(*flags::parse_id_list(""), std::vector<std::int32_t>{});
  for (const char* wrong : {"a", "1,x", "1.5", "99999999999", "1;2", "0x1"}) {
    EXPECT_FALSE(flags::parse_id_list(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace trinity::cli
