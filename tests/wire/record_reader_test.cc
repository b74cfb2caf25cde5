// Which texts of an input are records.
#include "wire/record_reader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace trinity::wire {
namespace {

using Found = std::vector<std::pair<std::size_t, std::string>>;

/// Lines and texts of the records.
Found records_of(const std::string& input) {
  RecordReader reader(LineReader::over(input, "a text"));
  Found found;
  while (true) {
    const Result<std::optional<Line>> record = reader.next();
    if (!record) return {{0, record.error().tag}};
    if (!*record) return found;
    found.emplace_back((*record)->number, (*record)->text);
  }
}

TEST(RecordReader, ALineIsARecordAndBlankLinesAreNone) {
  EXPECT_EQ(records_of("{\"a\":1}\n\n \t\r\nx\n{\"b\":\n"),
            (Found{{1, "{\"a\":1}"}, {4, "x"}, {5, "{\"b\":"}}));
  EXPECT_EQ(records_of("\n \n"), Found{});
}

TEST(RecordReader, AnArrayOfRecordsIsItsRecords) {
  const Found expected = {{1, "{\"a\":1}"}, {1, "{\"b\":[2]}"}};
  EXPECT_EQ(records_of("[{\"a\":1},{\"b\":[2]}]"), expected);
  EXPECT_EQ(records_of("[ {\"a\":1} , {\"b\":[2]} ]\n"), expected);
  EXPECT_EQ(records_of("\xEF\xBB\xBF[{\"a\":1},\n{\"b\":\"]\"},\n\n 7]\n{\"c\":3}"),
            (Found{{1, "{\"a\":1}"}, {2, "{\"b\":\"]\"}"}, {4, "7"}, {5, "{\"c\":3}"}}));
  EXPECT_EQ(records_of("[]"), Found{});
}

TEST(RecordReader, AnObjectMayBeLaidOutOverLines) {
  EXPECT_EQ(records_of("{\n  \"a\": [\n    1,\n    2\n  ]\n}\n{\"b\":1}\n"),
            (Found{{1, "{\n  \"a\": [\n    1,\n    2\n  ]\n}"}, {7, "{\"b\":1}"}}));
}

TEST(RecordReader, WhatALibraryLaysOutComesBackWhateverTheLayout) {
  std::mt19937 random(9);
  for (int round = 0; round < 50; ++round) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (unsigned i = 0; i < 1 + random() % 5; ++i) {
      list.push_back({{"id", i}, {"text", "{[,:\"\\"}, {"messages", nlohmann::json::array()}});
      if (random() % 2 == 0)
        list.back()["messages"] = {{{"role", "user"}, {"content", "\n}"}}, 1.5};
    }
    for (const bool as_array : {true, false}) {
      for (const int indent : {-1, 0, 1, 4}) {
        std::string input = list.dump(indent);
        if (!as_array) {
          input.clear();
          for (const auto& record : list) input += record.dump(indent) + "\r\n";
        }
        const Found found = records_of(input);
        ASSERT_EQ(found.size(), list.size()) << input;
        for (std::size_t i = 0; i < list.size(); ++i)
          EXPECT_EQ(nlohmann::ordered_json::parse(found[i].second), list[i]) << input;
      }
    }
  }
}

TEST(RecordReader, ALineThatIsNotContinuedStandsAlone) {
  const std::string good = "{\"id\":2}";
  // Cut behind a comma or a bracket: the next lines cannot belong to it.
  EXPECT_EQ(records_of("{\"id\":1,\n" + good + "\n" + good),
            (Found{{1, "{\"id\":1,"}, {2, good}, {3, good}}));
  EXPECT_EQ(records_of("{\n" + good + "\n" + good), (Found{{1, "{"}, {2, good}, {3, good}}));
  EXPECT_EQ(records_of("[\n" + good + "\n" + good), (Found{{1, "["}, {2, good}, {3, good}}));
  EXPECT_EQ(records_of("[\n" + good + ",\n" + good), (Found{{1, "["}, {2, good + ","}, {3, good}}));
  // Cut inside a value: not even tried.
  for (const std::string cut :
       {"{\"id\":\"1", "{\"id\"", "{\"id\":", "{\"id\":1", "[1", "}", "]", ","})
    EXPECT_EQ(records_of(cut + "\n}\n" + good), (Found{{1, cut}, {2, "}"}, {3, good}})) << cut;
  // Closed twice, or by the wrong bracket.
  EXPECT_EQ(records_of("{}}\n[}\n{]"), (Found{{1, "{}}"}, {2, "[}"}, {3, "{]"}}));
}

TEST(RecordReader, DeepNestingAcrossLinesEnds) {
  std::string input;
  for (int i = 0; i < 300; ++i) input += "[\n";
  EXPECT_EQ(records_of(input).size(), 300u);
}

/// An input that tells how much of it was asked for is a pipe in the tests of the program; here: a
/// complete line never waits for another one.
TEST(RecordReader, ErrorsOfTheInputComeThrough) {
  EXPECT_EQ(records_of(std::string("\0\0\0\0", 4)), (Found{{0, "unsupported_encoding"}}));
}

}  // namespace
}  // namespace trinity::wire
