// What the program says and returns, as files: every `cases/*.case` is one test, named after it.
//
// TRINITY_RECORD_CASES=1 writes into the files what the program does now, where that is not what
// they expect; look at the difference as at any other text.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cli/case_file.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(TRINITY_SOURCE_DIR) / "tests/cli/cases"))
    if (entry.path().extension() == ".case") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// The lines of an output, with the names of the case in place of this machine's.
Words shown_lines(std::string text, const std::map<std::string, std::string>& names) {
  for (const auto& [name, value] : names)
    for (std::size_t at; (at = text.find(value)) != std::string::npos;)
      text.replace(at, value.size(), "{" + name + "}");
  return lines_of(text);
}

std::string joined(const Words& lines) {
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

class CommandLine : public ::testing::TestWithParam<std::string> {};

TEST_P(CommandLine, DoesWhatItsFileSays) {
  const fs::path path = fs::path(TRINITY_SOURCE_DIR) / "tests/cli/cases" / (GetParam() + ".case");
  const bool record = std::getenv("TRINITY_RECORD_CASES") != nullptr;
  CaseFile file = parse_cases(slurp(path));
  ASSERT_FALSE(file.steps.empty()) << path;
  const TemporaryFolder folder;
  const std::map<std::string, std::string> names = {{"here", folder.path().string()},
                                                    {"model", small_model().string()}};
  bool changed = false;
  for (CaseStep& step : file.steps) {
    SCOPED_TRACE(path.string() + ": $ " + step.call);
    for (const auto& [name, text] : step.files) folder.put(name, text);
    Environment environment = step.environment;
    for (auto& [name, value] : environment) value = with_names(value, names);
    const Outcome outcome =
        run(words_of(step.call, names), step.input, environment, folder.path().string());
    const Words out = shown_lines(outcome.out, names), err = shown_lines(outcome.err, names);
    if (record) {
      changed = changed || outcome.status != step.status;
      step.status = outcome.status;
      if (!matches(step.out, out)) step.out = out, changed = true;
      if (!matches(step.err, err)) step.err = err, changed = true;
      continue;
    }
    EXPECT_EQ(outcome.status, step.status) << outcome.err;
    EXPECT_TRUE(matches(step.out, out)) << "standard output is\n"
                                        << joined(out) << "and not\n"
                                        << joined(step.out);
    EXPECT_TRUE(matches(step.err, err)) << "standard error is\n"
                                        << joined(err) << "and not\n"
                                        << joined(step.err);
  }
  if (changed) std::ofstream(path) << text_of(file);
}

INSTANTIATE_TEST_SUITE_P(Cases, CommandLine, ::testing::ValuesIn(case_names()),
                         [](const auto& instance) { return instance.param; });

TEST(CaseFiles, AreWrittenAsTheyWereRead) {
  for (const std::string& name : case_names()) {
    const std::string text =
        slurp(fs::path(TRINITY_SOURCE_DIR) / "tests/cli/cases" / (name + ".case"));
    EXPECT_EQ(text_of(parse_cases(text)), text) << name;
  }
}

TEST(CaseFiles, AnEllipsisStandsForTextOrForLines) {
  EXPECT_TRUE(matches({"a…c"}, {"abbc"}));
  EXPECT_TRUE(matches({"…b…"}, {"abc"}));
  EXPECT_FALSE(matches({"a…c"}, {"abbd"}));
  EXPECT_FALSE(matches({"a…bc"}, {"abd"}));
  EXPECT_FALSE(matches({"a…ab"}, {"ab"})) << "no text counts twice";
  EXPECT_TRUE(matches({"…"}, {}));
  EXPECT_TRUE(matches({"a", "…", "d"}, {"a", "b", "c", "d"}));
  EXPECT_FALSE(matches({"a", "…", "d"}, {"a", "b"}));
  EXPECT_FALSE(matches({}, {"a"}));
  EXPECT_FALSE(matches({"a"}, {}));
}

TEST(CaseFiles, WordsAreThoseOfAShell) {
  EXPECT_EQ(words_of(R"(a 'b c' "d\n\xFF" --e="f g" '' {here}/x)", {{"here", "/h"}}),
            (Words{"a", "b c", "d\n\xFF", "--e=f g", "", "/h/x"}));
  EXPECT_THROW(parse_cases("> belongs to nothing\n"), std::runtime_error);
  EXPECT_THROW(parse_cases("$ a\n? what\n"), std::runtime_error);
}

}  // namespace
}  // namespace trinity::testing
