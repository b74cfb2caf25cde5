// What people see: no line wider than the terminal, and nothing foreign that a terminal would obey.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <filesystem>
#include <fstream>

#include "base/printable.h"
#include "cli/run_program.h"

namespace trinity::testing {
namespace {

/// Without colours, which Style writes, and without the isolates of right-to-left cells.
std::string plain(std::string text) {
  for (std::size_t at; (at = text.find("\x1b[")) != std::string::npos;)
    text.erase(at, text.find('m', at) + 1 - at);
  for (const std::string mark : {"\u2068", "\u2069", "\r"})
    for (std::size_t at; (at = text.find(mark)) != std::string::npos;) text.erase(at, mark.size());
  return text;
}

std::string widest_line(const std::string& text) {
  std::string widest;
  for (const std::string& line : lines_of(plain(text)))
    if (display_width(line) > display_width(widest)) widest = line;
  return widest;
}

void expect_fits(const Words& command, const std::string& input = {}) {
  for (const std::size_t columns : {80U, 60U, 40U}) {
    const Outcome outcome = run(command, input, {{"COLUMNS", std::to_string(columns)}});
    EXPECT_FALSE(outcome.out.empty()) << command[0] << outcome.err;
    const std::string widest = widest_line(outcome.out + outcome.err);
    EXPECT_LE(display_width(widest), columns) << command[0] << ": " << widest;
  }
}

TEST(Screen, NoLineIsWiderThanTheTerminal) {
  expect_fits({"demo"});
  expect_fits({"route", "Is 1009 prime?"});
  expect_fits({"route"},
              "{\"id\": \"an id that is longer than its column has room for\", "
              "\"text\": \"x\"}\n{\"text\": 7}\n");
  expect_fits({"ask", "What is 17 * 23, and how many words are in \"a rose is a rose\"?"});
  expect_fits({"ask", "--member", "scribe", "How many words are in \"a rose is a rose\"?"});
  expect_fits({"pool", "list"});
  expect_fits({"pool", "check"});
  expect_fits({"profiles"});
  expect_fits({"backends"});
  expect_fits({"eval", "--list-cases"});
  expect_fits({"lab", "benchmark", "--limit", "6"});
  expect_fits({"lab", "robustness", "--profiles", "cpu_f32"});
}

TEST(Screen, EvaluationsFit) {
  expect_fits(
      {"eval", "--case", "lang_german", "--verbose", "--show-logits", "--profile", "reference"});
}

/// Three conversations with ids that would take over a terminal, and wrong expectations.
class HostileCases : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/trinity_screen_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    std::ofstream(cases()) << R"({"schema_version": 1, "cases": [)"
                           << one("osc \\u001b]2;PWNED\\u0007 csi \\u001b[2J\\u001b[32m") << ","
                           << one("c1 \\u009b2J bidi \\u202e\\u2066 zwj \\u200d sep \\u2028") << ","
                           << one("שלום עולם") << "]}";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string one(const std::string& id) {
    return "{\"id\": \"" + id + "\", \"expected\": {\"agent_id\": 6, \"role_id\": 2}, " +
           "\"messages\": [{\"role\": \"user\", \"content\": \"say " + id + "\"}]}";
  }
  std::string cases() const { return (folder_ / "cases.json").string(); }

  static void expect_calm(const Outcome& outcome) {
    for (const std::string& text : {outcome.out, outcome.err})
      for (const std::string& line : lines_of(text)) {
        std::string shown = line;
        for (const std::string mark : {"\u2068", "\u2069"})
          for (std::size_t at; (at = shown.find(mark)) != std::string::npos;)
            shown.erase(at, mark.size());
        EXPECT_EQ(printable(shown), shown);
      }
  }

  std::filesystem::path folder_;
};

TEST_F(HostileCases, StayTextInEveryView) {
  const Outcome judged = run({"eval", "--cases", cases(), "--verbose"});
  EXPECT_EQ(judged.status, 1) << judged.err;
  EXPECT_NE(judged.out.find(R"(\x1b]2;PWNED)"), std::string::npos) << judged.out << judged.err;
  expect_calm(judged);
  expect_calm(run({"eval", "--cases", cases(), "--list-cases"}));
  expect_calm(run({"eval", "--cases", cases(), "--profile", "reference", "--oracle", "reference"}));
  expect_calm(run({"lab", "robustness", "--cases", cases(), "--profiles", "cpu_f32"}));
}

TEST_F(HostileCases, StayTextInRecordsAndMessages) {
  const std::string id = R"(\u001b]2;PWNED\u0007\u009b2J\u202e)";
  expect_calm(run({"route"}, "{\"id\": \"" + id + "\", \"text\": \"x\"}\n{\"id\": \"" + id +
                                 "\", \"text\": 7}\n"));
  const std::string name = "\x1b]2;PWNED\x07\u009b2J\u202e\u200d";
  for (const Words& command :
       {Words{"route", "--model", name, "x"}, Words{"verify", name}, Words{"inspect", name},
        Words{"vector", "show", name}, Words{"profiles", name}, Words{"eval", "--cases", name},
        Words{"pull", name}, Words{"env-check", "--artifact-dir", name}})
    expect_calm(run(command));
}

TEST_F(HostileCases, StayTextInNamesOfFiles) {
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const std::string header = dictionary + std::string(118 - dictionary.size() - 1, ' ') + "\n";
  const std::string input = (folder_ / "in\x1b]2;PWNED\x07\u202e.npy").string();
  std::ofstream(input, std::ios::binary)
      << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header << std::string(8, '\0');
  const Outcome converted =
      run({"vector", "convert", input, (folder_ / "out\x1b[2J\u009b.npy").string()});
  EXPECT_EQ(converted.status, 0) << converted.err;
  EXPECT_NE(converted.out.find(R"(out\x1b[2J\u009b.npy)"), std::string::npos) << converted.out;
  expect_calm(converted);
}

/// The program on a terminal of some width.
std::string on_terminal(const Words& arguments, unsigned short columns) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || ::grantpt(terminal) != 0 || ::unlockpt(terminal) != 0) return {};
  const std::string name = ::ptsname(terminal);
  winsize size{};
  size.ws_col = columns;
  size.ws_row = 24;
  const int other = ::open(name.c_str(), O_RDWR | O_NOCTTY);
  ::ioctl(other, TIOCSWINSZ, &size);
  Words words = {TRINITY_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(other, STDOUT_FILENO);
    char* environment[] = {nullptr};
    ::execve(TRINITY_PROGRAM, argv.data(), environment);
    ::_exit(127);
  }
  ::close(other);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = ::read(terminal, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  ::close(terminal);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST(Screen, ATextThatComesInPiecesFitsTheTerminal) {
  const Words call = {"ask", "What weekday was 2024-02-29?"};
  const std::string live = on_terminal(call, 50);
  ASSERT_FALSE(live.empty());
  EXPECT_LE(display_width(widest_line(live)), 50u) << widest_line(live);
  EXPECT_NE(plain(live).find("Thursday"), std::string::npos) << plain(live);
  EXPECT_NE(live.find("\x1b[1m"), std::string::npos) << "colours on a terminal";
}

TEST(Screen, TheTerminalSaysHowWideItIs) {
  const std::string narrow = on_terminal({"demo"}, 60);
  const std::string wide = on_terminal({"demo"}, 120);
  ASSERT_FALSE(narrow.empty());
  EXPECT_LE(display_width(widest_line(narrow)), 60u);
  EXPECT_EQ(plain(narrow).find("tokens"), std::string::npos);
  EXPECT_NE(plain(wide).find("tokens"), std::string::npos);
  EXPECT_NE(narrow.find("\x1b[1m"), std::string::npos) << "colours on a terminal";
}

}  // namespace
}  // namespace trinity::testing
