#include "cli/input/line_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>
#include <thread>

#include "base/temporary_folder.h"

namespace trinity::cli {
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
  const std::string huge(LineReader::max_line_bytes + 1, 'x');
  Result<LineReader> reader =
      LineReader::open(folder.put("a", "first\n" + huge + "\nthird\n").string());
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
}  // namespace trinity::cli
