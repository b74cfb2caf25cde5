#include "wire/line_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>
#include <string_view>
#include <thread>

#include "base/temporary_folder.h"

namespace trinity::wire {
namespace {

std::vector<std::string> read_all(const std::filesystem::path& path) {
  std::vector<std::string> texts;
  Result<LineReader> reader = LineReader::open(path.string());
  if (!reader) return {"error: " + reader.error().tag};
  while (true) {
    Result<std::optional<Line>> line = reader->next();
    if (!line) return {"error: " + line.error().tag};
    if (!*line) return texts;
    EXPECT_EQ((*line)->number, texts.size() + 1);
    texts.push_back((*line)->text);
  }
}

/// The next line; one with the number 0 at the end.
Line next_of(LineReader& reader) {
  Result<std::optional<Line>> line = reader.next();
  return line && line->has_value() ? std::move(**line) : Line();
}

using Texts = std::vector<std::string>;

TEST(LineReader, SplitsAtLineFeedsAndDropsCarriageReturns) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(read_all(folder.put("a", "")), Texts{});
  EXPECT_EQ(read_all(folder.put("a", "one")), Texts{"one"});
  EXPECT_EQ(read_all(folder.put("a", "one\n")), Texts{"one"});
  EXPECT_EQ(read_all(folder.put("a", "one\r\n\n two\rx\r\n")), (Texts{"one", "", " two\rx"}));
  EXPECT_EQ(read_all(folder.put("a", std::string("a\0b\n", 4))), Texts{std::string("a\0b", 3)});
}

TEST(LineReader, ReadsRandomLinesOfEveryLengthAsTheyWereWritten) {
  std::mt19937 random(3);
  Texts expected;
  std::string content;
  for (int i = 0; i < 300; ++i) {
    const std::size_t length = random() % (i % 50 == 0 ? 200'000 : 40);
    std::string line(length, 'x');
    for (char& c : line) c = static_cast<char>('a' + random() % 26);
    content += line + "\n";
    expected.push_back(std::move(line));
  }
  const testing::TemporaryFolder folder;
  EXPECT_EQ(read_all(folder.put("a", content)), expected);
}

TEST(LineReader, SkipsALineBeyondTheLimitAndGoesOn) {
  const testing::TemporaryFolder folder;
  const std::string huge(300'000, 'x');  // several reads
  Result<LineReader> reader = LineReader::open(
      folder.put("a", "first\n" + huge + "\nthird\n").string(), {100'000, 1'000'000});
  ASSERT_TRUE(reader);
  EXPECT_EQ(next_of(*reader).text, "first");
  const Line second = next_of(*reader);
  EXPECT_TRUE(second.too_long);
  EXPECT_EQ(second.text, "");
  EXPECT_EQ(second.number, 2u);
  const Line third = next_of(*reader);
  EXPECT_FALSE(third.too_long);
  EXPECT_EQ(third.text, "third");
  EXPECT_EQ(next_of(*reader).number, 0u);
}

TEST(LineReader, TheLimitItselfIsNotBeyondIt) {
  const testing::TemporaryFolder folder;
  Result<LineReader> reader =
      LineReader::open(folder.put("a", "12345\n123456\r\n").string(), {5, 1'000'000});
  ASSERT_TRUE(reader);
  EXPECT_EQ(next_of(*reader).text, "12345");
  EXPECT_TRUE(next_of(*reader).too_long);
}

TEST(LineReader, AnInputWithoutALineFeedEndsTheReading) {
  for (const char* device : {"/dev/zero", "/dev/full"}) {
    if (!std::filesystem::exists(device)) GTEST_SKIP() << "SKIPPED: there is no " << device;
    EXPECT_EQ(read_all(device), Texts{"error: unsupported_encoding"});
  }
  const testing::TemporaryFolder folder;
  Result<LineReader> reader =
      LineReader::open(folder.put("a", std::string(500'000, 'x')).string(), {1000, 200'000});
  ASSERT_TRUE(reader);
  const auto line = reader->next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().tag, "line_too_long");
}

TEST(LineReader, NamesOtherEncodings) {
  const testing::TemporaryFolder folder;
  const auto error_of = [&](std::string_view bytes) -> std::string {
    Result<LineReader> reader = LineReader::open(folder.put("a", std::string(bytes)).string());
    if (!reader) return reader.error().message;
    const auto line = reader->next();
    return line ? "read" : line.error().tag + ": " + line.error().message;
  };
  using namespace std::string_view_literals;
  for (const std::string_view bytes : {"\xFF\xFE{\0}\0\n\0"sv, "\xFE\xFF\0{\0}\0\n"sv,
                                       "{\0\"\0a\0"sv, "\0{\0\""sv, "\xFF\xFE\n\0"sv}) {
    EXPECT_NE(error_of(bytes).find("encoded in UTF-16; save it as UTF-8"), std::string::npos)
        << error_of(bytes);
  }
  for (const std::string_view bytes :
       {"\xFF\xFE\0\0{\0\0\0"sv, "\0\0\xFE\xFF\0\0\0{"sv, "{\0\0\0\"\0\0\0"sv}) {
    EXPECT_NE(error_of(bytes).find("encoded in UTF-32"), std::string::npos) << error_of(bytes);
  }
  EXPECT_EQ(error_of("{}"), "read");
  EXPECT_EQ(error_of("\xFF"), "read");  // not UTF-8 either, which the record's reader says
}

TEST(LineReader, DropsByteOrderMarksAtTheStartOfALine) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(read_all(folder.put("a", "\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\nx\xEF\xBB\xBF\n")),
            (Texts{"one", "two", "x\xEF\xBB\xBF"}));
}

TEST(LineReader, ReadsATextLikeAFile) {
  LineReader reader = LineReader::over("one\r\n\ntwo", "a text");
  EXPECT_EQ(next_of(reader).text, "one");
  EXPECT_EQ(next_of(reader).text, "");
  const Line last = next_of(reader);
  EXPECT_EQ(last.text, "two");
  EXPECT_EQ(last.number, 3u);
  EXPECT_EQ(next_of(reader).number, 0u);
}

TEST(LineReader, ReadsNamedPipes) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << "one\ntwo\n"; });
  EXPECT_EQ(read_all(pipe), (Texts{"one", "two"}));
  writer.join();
}

TEST(LineReader, NamesWhatCannotBeRead) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(read_all(folder / "absent"), Texts{"error: missing_file"});
  EXPECT_EQ(read_all(folder.path()), Texts{"error: unreadable_file"});
}

}  // namespace
}  // namespace trinity::wire
