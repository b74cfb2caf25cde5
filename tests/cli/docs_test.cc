// The documentation says what is there: its links lead somewhere, and no command is left out.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

const fs::path& root() {
  static const fs::path path = TRINITY_SOURCE_DIR;
  return path;
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
    if (line.starts_with("```")) code = !code;
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
