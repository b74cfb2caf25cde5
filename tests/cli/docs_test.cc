// The documentation says what is there: its links lead somewhere, and no command is left out.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cli/case_file.h"
#include "cli/json_schema.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

const fs::path& root() {
  static const fs::path path = TRINITY_SOURCE_DIR;
  return path;
}

struct Block {
  std::string language, text, above;  // `above`: the line before it
};

std::vector<Block> blocks_of(const std::string& page) {
  std::vector<Block> blocks;
  std::string above;
  bool inside = false;
  for (const std::string& line : lines_of(page)) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({line.substr(3), "", above});
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
    above = line;
  }
  return blocks;
}

/// Every Markdown file of the repository, but for what is built or installed into it.
std::vector<fs::path> pages() {
  std::vector<fs::path> found;
  for (auto entry = fs::recursive_directory_iterator(root());
       entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() &&
        (name.starts_with("build") || (name.starts_with(".") && name != ".ci")))
      entry.disable_recursion_pending();
    else if (entry->path().extension() == ".md")
      found.push_back(entry->path());
  }
  return found;
}

/// The text without its code blocks.
std::string prose(const std::string& page) {
  std::string text;
  bool code = false;
  for (const std::string& line : lines_of(page)) {
    if (line.starts_with("```")) {
      code = !code;
      continue;
    }
    if (!code) text += line + "\n";
  }
  return text;
}

/// The name under which a heading is linked to: lower case, spaces as dashes, no punctuation.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80)
      anchor += static_cast<char>(std::tolower(byte));
    else if (c == ' ')
      anchor += '-';
  }
  return anchor;
}

std::set<std::string> anchors_of(const std::string& page) {
  std::set<std::string> anchors;
  for (const std::string& line : lines_of(prose(page)))
    if (const std::size_t at = line.find_first_not_of('#'); at != 0 && at != std::string::npos)
      anchors.insert(anchor_of(line.substr(at + 1)));
  return anchors;
}

/// What stands in the brackets of [text](target).
Words link_targets(const std::string& text) {
  Words targets;
  for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 2)) {
    const std::size_t end = text.find(')', at);
    if (end != std::string::npos) targets.push_back(text.substr(at + 2, end - at - 2));
  }
  return targets;
}

TEST(Documentation, EveryLinkInsideTheRepositoryLeadsSomewhere) {
  std::size_t links = 0;
  for (const fs::path& page : pages()) {
    const std::string text = slurp(page);
    for (const std::string& target : link_targets(prose(text))) {
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      ++links;
      const std::size_t hash = target.find('#');
      const std::string file = target.substr(0, hash);
      const fs::path linked = file.empty() ? page : page.parent_path() / file;
      EXPECT_TRUE(fs::exists(linked)) << page << ": " << target;
      if (hash == std::string::npos || !fs::exists(linked)) continue;
      EXPECT_TRUE(anchors_of(slurp(linked)).contains(target.substr(hash + 1)))
          << page << ": there is no such heading: " << target;
    }
  }
  EXPECT_GE(links, 20U);
}

/// The line above an example names its schema: <!-- schema: error -->.
TEST(Documentation, ExamplesOfJsonAreWhatTheirSchemaSays) {
  std::size_t count = 0;
  const std::string begin = "<!-- schema: ", end = " -->";
  for (const fs::path& page : pages())
    for (const Block& block : blocks_of(slurp(page))) {
      if (block.language != "json" && block.language != "jsonl") continue;
      ++count;
      SCOPED_TRACE(page.string() + "\n" + block.text);
      ASSERT_TRUE(block.above.starts_with(begin) && block.above.ends_with(end))
          << "the line above must be " << begin << "NAME" << end;
      const std::string schema =
          block.above.substr(begin.size(), block.above.size() - begin.size() - end.size());
      const auto check = [&schema](const std::string& text) {
        const Json value = Json::parse(text, nullptr, false);
        ASSERT_FALSE(value.is_discarded()) << "no JSON";
        EXPECT_EQ(JsonSchemas::ours().fault_of(schema, value, JsonSchemas::Ellipsis::fits_any_text),
                  "");
      };
      if (block.language == "json")
        check(block.text);
      else
        for (const std::string& line : lines_of(block.text)) check(line);
    }
  EXPECT_GE(count, 5U);
}

/// The calls of the program in a block for a shell, as one line each and without comments.
Words calls_in(const std::string& block) {
  Words calls;
  std::string call;
  for (std::string line : lines_of(block)) {
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.pop_back();
    call += call.empty() ? line : " " + line;
    if (goes_on) continue;
    call = call.substr(0, call.find("  #"));
    const std::size_t at = call.find("trinity ");
    const bool bare = at == 0 || call.starts_with("build/bin/trinity ");
    const bool piped = at != std::string::npos && call.find("| build/bin/trinity ") < at;
    if (bare || piped) calls.push_back(call.substr(at + std::string("trinity ").size()));
    call.clear();
  }
  return calls;
}

/// What stands in backticks, a word each.
Words names_in(const std::string& page) {
  Words names;
  std::string text = prose(page);
  for (std::size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at + 1)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    names.push_back(text.substr(at + 1, end - at - 1));
    at = end;
  }
  return names;
}

/// Whether a file of that name is there; its end may be left out ("cpu_backend", "product_*").
bool is_there(const fs::path& path) {
  std::string name = path.filename().string();
  if (name.empty()) return fs::is_directory(path);  // "src/cli/"
  if (fs::exists(path)) return true;
  if (name.ends_with('*')) name.pop_back();
  if (!fs::is_directory(path.parent_path())) return false;
  for (const auto& entry : fs::directory_iterator(path.parent_path()))
    if (entry.path().filename().string().starts_with(name)) return true;
  return false;
}

TEST(Documentation, SourcesThatPagesNameAreThere) {
  std::size_t count = 0;
  for (const fs::path& page : pages())
    for (const std::string& name : names_in(slurp(page))) {
      const std::size_t slash = name.find('/');
      // "src/backend_NAME/" stands for what a reader makes.
      const bool is_example = std::any_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isupper(c) != 0 || c == ' ' || c == '{' || c == '<';
      });
      if (slash == 0 || slash == std::string::npos || is_example) continue;
      const std::string room = name.substr(0, slash);
      if (room == "build" || room.find('.') != std::string::npos) continue;
      bool meant = false, there = false;
      for (const fs::path& folder : {root(), root() / "src", page.parent_path()}) {
        meant = meant || fs::is_directory(folder / room);
        there = there || is_there(folder / name);
      }
      if (!meant) continue;
      ++count;
      EXPECT_TRUE(there) << page << ": " << name;
    }
  EXPECT_GE(count, 60U);
}

/// The text without what stands in backticks, where names of files and keys stand.
std::string words_for_people(const std::string& page) {
  std::string text;
  bool name = false;
  for (const char c : prose(page)) {
    if (c == '`') name = !name;
    if (!name) text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

TEST(Documentation, WhatIsChosenByNameIsAProfile) {
  std::size_t count = 0;
  for (const fs::path& page : pages()) {
    if (page.parent_path() != root() && page.parent_path() != root() / "docs") continue;
    ++count;
    const std::string text = words_for_people(slurp(page));
    for (std::size_t at = text.find("lane"); at != std::string::npos;
         at = text.find("lane", at + 1))
      EXPECT_TRUE(at > 0 && std::isalpha(static_cast<unsigned char>(text[at - 1])) != 0)
          << page << ": " << text.substr(at < 40 ? 0 : at - 40, 80);
  }
  EXPECT_GE(count, 10U);
}

/// An instruction set that does not exist ends a run behind its command line and before its work.
TEST(Documentation, CallsInExamplesAreUnderstood) {
  std::size_t count = 0;
  for (const fs::path& page : pages())
    for (const Block& block : blocks_of(slurp(page))) {
      if (block.language != "sh") continue;
      for (const std::string& call : calls_in(block.text)) {
        ++count;
        const Outcome outcome = run(words_of(call, {}), "", {{"TRINITY_INSTRUCTION_SET", "none"}});
        EXPECT_NE(outcome.err.find("no instruction set \"none\""), std::string::npos)
            << page << ": trinity " << call << "\n"
            << outcome.err;
      }
    }
  EXPECT_GE(count, 50U);
}

TEST(Documentation, TheTableOfCommandsIsThatOfTheProgram) {
  std::set<std::string> documented, offered;
  for (const std::string& line : lines_of(slurp(root() / "docs/cli.md"))) {
    if (!line.starts_with("| `")) {
      if (!documented.empty()) break;  // the first table alone
      continue;
    }
    const std::string cell = line.substr(0, line.find('|', 1));
    for (std::size_t at = cell.find('`'); at != std::string::npos; at = cell.find('`', at + 1)) {
      const std::size_t end = cell.find('`', at + 1);
      documented.insert(cell.substr(at + 1, end - at - 1));
      at = end;
    }
  }
  bool commands = false;  // the headings behind the usage line list flags, then commands
  for (const std::string& line : lines_of(run({"--help"}).out)) {
    commands = commands || line.starts_with("Usage:");
    if (commands && line.starts_with("  ") && line[2] != ' ' && line[2] != '-')
      offered.insert(line.substr(2, line.find(' ', 2) - 2));
  }
  if (!TRINITY_HAS_BENCH) documented.erase("bench");
  EXPECT_GE(offered.size(), 20U);
  EXPECT_EQ(documented, offered);
}

TEST(Documentation, TheFileMapOfTheProgramNamesFilesThatExist) {
  const fs::path room = root() / "src/cli";
  std::size_t names = 0;
  for (const std::string& line : lines_of(slurp(room / "README.md"))) {
    if (!line.starts_with("| `")) continue;
    const std::string cell = line.substr(0, line.find('|', 1));
    for (std::size_t at = cell.find('`'); at != std::string::npos; at = cell.find('`', at + 1)) {
      const std::size_t end = cell.find('`', at + 1);
      const std::string name = cell.substr(at + 1, end - at - 1);
      at = end;
      ++names;
      const bool any = name.ends_with(".*");
      const fs::path path = room / (any ? name.substr(0, name.size() - 2) + ".cc" : name);
      EXPECT_TRUE(fs::exists(path)) << name;
    }
  }
  EXPECT_GE(names, 8U);
}

}  // namespace
}  // namespace trinity::testing
