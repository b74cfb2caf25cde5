// House rules that a compiler does not check, as scans of the sources.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "cli/source_scanner.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

std::string contents_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every C++ source below the folders, by its path from the repository's root.
std::map<std::string, std::string> sources(const std::vector<std::string>& folders) {
  std::map<std::string, std::string> texts;
  const fs::path root = TRINITY_SOURCE_DIR;
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".cc" && extension != ".h") continue;
      texts[entry.path().lexically_relative(root).string()] = contents_of(entry.path());
    }
  }
  return texts;
}

void expect_absent(const std::map<std::string, std::string>& texts, const std::string& construct,
                   const std::string& why) {
  for (const auto& [path, text] : texts) {
    for (const std::size_t line : find_construct(text, construct)) {
      ADD_FAILURE() << path << ":" << line << ": `" << construct << "`: " << why;
    }
  }
}

/// Rooms that meet the user: they read the environment and print.
bool is_face(const std::string& path) {
  return path.starts_with("src/cli/") || path.starts_with("src/command_line/") ||
         path.starts_with("src/flags/") || path.starts_with("src/terminal/") ||
         path.starts_with("src/console/") || path.starts_with("src/laboratory/");
}

const std::vector<std::string> every_folder = {"include", "src",  "bench",
                                               "tests",   "fuzz", "examples"};

TEST(SourcePolicy, ENV_1_OnlyTheCommandLineReadsTheEnvironment) {
  std::map<std::string, std::string> texts = sources({"include", "src", "bench"});
  ASSERT_GT(texts.size(), 50u);
  std::erase_if(texts, [](const auto& file) { return is_face(file.first); });
  texts.erase("src/base/process.cc");  // hands it on to children, unread
  for (const char* construct :
       {"getenv", "secure_getenv", "setenv", "putenv", "unsetenv", "clearenv", "environ"}) {
    expect_absent(texts, construct,
                  "settings are passed as arguments; the command line reads TRINITY_*");
  }
}

TEST(SourcePolicy, ENV_1_TheCommandLineDoesNotChangeTheEnvironment) {
  for (const char* construct : {"setenv", "putenv", "unsetenv", "clearenv"}) {
    expect_absent(sources({"src/cli", "src/command_line", "src/flags", "src/terminal",
                           "src/console", "src/laboratory"}),
                  construct, "the environment is read, never written");
  }
}

TEST(SourcePolicy, POL_1_NoForbiddenConstructs) {
  const std::map<std::string, std::string> texts = sources(every_folder);
  const std::vector<std::pair<std::string, std::string>> forbidden = {
      {"using namespace std;", "names say where they come from"},
      {"std::regex", "slow and recursive on hostile input; write a scanner"},
      {"system(", "no shell"},
      {"popen(", "no shell"},
      {"assert(false)", "a state that cannot happen is an error value or std::terminate"},
      {"sprintf(", "fmt::format"},
      {"strcpy(", "std::string"},
      {"strcat(", "std::string"},
      {"strtok(", "std::string_view"},
      {"gets(", "std::getline"},
      {"atoi(", "std::from_chars, which reports errors"},
      {"atof(", "std::from_chars, which reports errors"},
      {"rand(", "a seeded generator of <random>"},
      {"srand(", "a seeded generator of <random>"},
      {"goto ", "structured control flow"},
      {"std::call_once", "exceptions would pass a frame of the C library; a mutex and a flag"},
      {"qsort(", "std::sort; exceptions would pass a frame of the C library"},
      {"std::endl", "'\\n'; flush where it is meant"},
  };
  for (const auto& [construct, why] : forbidden) expect_absent(texts, construct, why);
}

TEST(SourcePolicy, POL_1_NumericRoomsPrintNothing) {
  std::map<std::string, std::string> texts = sources({"include", "src"});
  std::erase_if(texts, [](const auto& file) { return is_face(file.first); });
  for (const char* construct : {"std::cout", "std::cerr", "std::clog", "printf(", "puts("}) {
    expect_absent(texts, construct, "rooms return values; only src/cli and src/terminal print");
  }
}

TEST(SourcePolicy, POL_1_NoThirdPartyTypesInPublicHeaders) {
  for (const auto& [path, text] : sources({"include"})) {
    for (const char* include : {"nlohmann", "fmt/", "simdjson", "openssl", "dnnl", "hwy/"}) {
      EXPECT_EQ(text.find(std::string("#include <") + include), std::string::npos)
          << path << " includes " << include;
    }
  }
}

TEST(SourcePolicy, OneFolderKnowsTheJsonLibrary) {
  std::map<std::string, std::string> texts = sources({"include", "src", "bench", "examples"});
  std::erase_if(texts, [](const auto& file) {
    return file.first.starts_with("src/base/") && file.first.ends_with(".cc");
  });
  for (const auto& [path, text] : texts) {
    EXPECT_EQ(text.find("nlohmann"), std::string::npos)
        << path << ": base/json.h has its own value";
  }
  expect_absent(texts, "dump(", "json_text of base/json.h never throws");
}

TEST(SourcePolicy, OneFileIncludesTheLibraryForCommandLines) {
  std::vector<std::string> files;
  for (const auto& [path, text] : sources(every_folder))
    if (text.find(std::string("#include <") + "CLI/") != std::string::npos) files.push_back(path);
  EXPECT_EQ(files, std::vector<std::string>{"src/command_line/word_parser.cc"});
  const std::string precompiled =
      contents_of(fs::path(TRINITY_SOURCE_DIR) / "cmake/precompiled.cmake");
  EXPECT_EQ(precompiled.find("<CLI/"), std::string::npos);
}

TEST(SourcePolicy, OneFileIncludesTheLibraryForToml) {
  std::vector<std::string> files;
  for (const auto& [path, text] : sources(every_folder))
    if (text.find(std::string("#include <") + "toml++/") != std::string::npos)
      files.push_back(path);
  EXPECT_EQ(files, std::vector<std::string>{"src/provider/toml_text.cc"});
}

TEST(SourcePolicy, ProcessesAreStartedInOnePlace) {
  std::map<std::string, std::string> texts = sources({"include", "src", "bench"});
  ASSERT_EQ(texts.erase("src/base/process.cc"), 1u);
  for (const char* construct : {"fork()", "vfork(", "execv", "execve", "execvp", "posix_spawn",
                                "posix_spawnp", "wait4(", "waitpid("})
    expect_absent(texts, construct, "ChildProcess of base/process.h starts and reaps");
}

TEST(SourcePolicy, CommandsWriteFilesThroughOneDoor) {
  std::map<std::string, std::string> texts = sources(
      {"src/cli", "src/command_line", "src/flags", "src/terminal", "src/console", "src/laboratory",
       "src/prove", "src/benchmark", "src/interchange", "src/checkout", "src/report"});
  ASSERT_GT(texts.size(), 150u);
  for (const char* door :
       {"src/terminal/output_file.cc", "src/terminal/output_file.h",
        "src/cli/program.cc",                 // /dev/null for descriptors that the caller closed
        "src/interchange/python_import.cc",   // a bundle, in a folder that it has prepared
        "src/interchange/parity/replay.cc"})  // stages as they come about, in a folder for them
                                              // alone
    ASSERT_EQ(texts.erase(door), 1u) << door;
  for (const char* construct :
       {"std::ofstream", "std::fstream", "fopen(", "O_WRONLY", "O_RDWR", "O_CREAT", "AtomicFile",
        "TensorFile", "MergedTensorFile", "write_file_atomic", "write_safetensors", "write_npy",
        "write_head_file", "std::filesystem::rename", "fs::rename", "fs::copy",
        "std::filesystem::copy", "fs::remove", "std::filesystem::remove"})
    expect_absent(texts, construct, "check_outputs before the work, write_output after it");
}

TEST(SourcePolicy, ReportsAreLaidOutInOneRoom) {
  std::map<std::string, std::string> texts = sources({"include", "src", "bench"});
  std::size_t layouts =
      std::erase_if(texts, [](const auto& file) { return file.first.starts_with("src/report/"); });
  EXPECT_GT(layouts, 10u);
  for (const auto& [path, text] : texts) {
    for (const char* tag : {"<table", "<td", "<th>", "<th ", "<svg", "<div", "<h1>", "<h2>", "<p>",
                            "<p ", "<bdi", "\"<span", "\"<tr>", "</table", "</svg", "</html"})
      EXPECT_EQ(text.find(tag), std::string::npos)
          << path << " writes " << tag << "; report/render_html.h makes pages of documents";
    // Rows that are printed as they come (demo, route) use the layout, and nobody draws his own.
    EXPECT_EQ(text.find("─"), std::string::npos)
        << path << " draws a rule; report/document.h has tables";
    if (text.find("TableText") != std::string::npos) {
      EXPECT_TRUE(path == "src/cli/demo.cc" || path.starts_with("src/cli/route/") ||
                  path.starts_with("src/console/"))
          << path << " lays out a table; put a report::Table into a document";
    }
  }
}

TEST(SourcePolicy, NoRoomIsLargerThanOnePersonKeepsInMind) {
  std::map<std::string, std::ptrdiff_t> lines;
  for (const auto& [path, text] : sources({"src"}))
    lines[std::next(fs::path(path).begin())->string()] +=
        std::count(text.begin(), text.end(), '\n');
  ASSERT_GT(lines.size(), 20u);
  for (const auto& [room, count] : lines) EXPECT_LE(count, 6000) << room;
}

// The order of rooms is that of src/CMakeLists.txt, from the ground floor up.
TEST(SourcePolicy, RoomsIncludeLowerRoomsOnly) {
  const fs::path source = fs::path(TRINITY_SOURCE_DIR) / "src";
  const std::string list = contents_of(source / "CMakeLists.txt");
  const std::size_t begin = list.find("foreach(room ") + 13;
  std::istringstream names(list.substr(begin, list.find(')', begin) - begin));
  std::map<std::string, int> floor_of;
  for (std::string name; names >> name;) floor_of.emplace(name, static_cast<int>(floor_of.size()));
  ASSERT_GE(floor_of.size(), 15u);
  std::size_t includes = 0;
  for (const auto& [path, text] : sources({"src"})) {
    const std::string room = std::next(fs::path(path).begin())->string();
    ASSERT_TRUE(floor_of.contains(room))
        << room << " is a room that src/CMakeLists.txt does not name";
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("#include \"")) continue;
      const std::string other = line.substr(10, line.find('/') - 10);
      const auto found = floor_of.find(other);
      if (found == floor_of.end()) continue;
      ++includes;
      EXPECT_LE(found->second, floor_of[room]) << path << ": " << line;
    }
  }
  EXPECT_GT(includes, 1000u);
}

// A name says which room it comes from. The ground floor's are used everywhere and need no room
// before them; what include/ declares is the program's own face.
TEST(SourcePolicy, NamesLiveInTheirRooms) {
  const std::map<std::string, std::string> spaces = {{"base", ""},
                                                     {"tensor", ""},
                                                     {"backend_cpu", "::cpu"},
                                                     {"backend_mlx", "::mlx_backend"},
                                                     {"backend_plugin", "::plugin"},
                                                     {"backend_registry", "::backend"}};
  const std::set<std::string> define_public_names = {
      "src/base/option_names.cc", "src/route/decision.cc", "src/router/router.cc",
      "src/router/router_impl.h", "src/router/router_loading.cc"};
  std::size_t held = 0;
  for (const auto& [path, text] : sources({"src"})) {
    if (define_public_names.contains(path)) continue;
    const std::string room = std::next(fs::path(path).begin())->string();
    const auto known = spaces.find(room);
    const std::string expected =
        "namespace trinity" + (known == spaces.end() ? "::" + room : known->second);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("namespace trinity")) continue;
      ++held;
      EXPECT_TRUE(line.starts_with(expected + " {") || line.starts_with(expected + "::"))
          << path << " opens " << line << " instead of " << expected;
    }
  }
  EXPECT_GT(held, 500u);
}

// An operation that it left to the contract's default body would be computed composed, unnoticed:
// a lane would be measured as what it is not.
TEST(SourcePolicy, TheForwardingBackendPassesOnTheWholeContract) {
  const fs::path source = fs::path(TRINITY_SOURCE_DIR) / "src/backend";
  const std::string forwarding = contents_of(source / "forwarding_backend.h");
  std::istringstream contract(contents_of(source / "backend.h"));
  std::size_t operations = 0;
  for (std::string line; std::getline(contract, line);) {
    if (!line.starts_with("  virtual ") || line.find('~') != std::string::npos) continue;
    const std::size_t end = line.find('('), begin = line.find_last_of(" &*", end) + 1;
    const std::string name = line.substr(begin, end - begin);
    ++operations;
    EXPECT_NE(forwarding.find(" " + name + "("), std::string::npos) << name;
  }
  EXPECT_GE(operations, 22u);
}

TEST(SourcePolicy, POL_1_NothingIsLeftUndoneInTheSources) {
  for (const auto& [path, text] : sources({"include", "src", "bench", "fuzz", "examples"})) {
    for (const char* mark : {"TODO", "FIXME", "XXX", "HACK"}) {
      EXPECT_EQ(text.find(mark), std::string::npos) << path << " contains " << mark;
    }
  }
}

// Messages that routing reads have one reader, wire/messages. A call of a chat interface holds more
// than that reader takes (media, ids, fields to pass on), so the room chat/ reads its own.
TEST(SourcePolicy, MessagesAreReadFromJsonInWireAndThoseOfChatCallsInChat) {
  // The key of a message's content, as a literal: elsewhere it is written, not read.
  const std::map<std::string, std::string> others = {
      {"src/hash/canonical.cc", "a key of what is hashed"},
      {"src/text/router_input.cc", "the name of a field in an error"},
      {"src/text/tokenizer_sections.cc", "a key of added tokens"},
      {"src/prove/eval/cases.cc", "a generated content is put into a message before it is read"},
      {"src/interchange/router_trace.cc", "written into traces"},
      {"src/trace/router_input.cc", "written into traces, and read by wire/messages"},
      {"src/provider/dispatch.cc", "calls of spec pools, checked before anything is resolved"}};
  bool found = false;
  for (const auto& [path, text] : sources({"include", "src", "bench"})) {
    if (!path.ends_with(".cc") || text.find("\"content\"") == std::string::npos) continue;
    if (path == "src/wire/messages.cc") found = true;
    EXPECT_TRUE(path == "src/wire/messages.cc" || path.starts_with("src/chat/") ||
                others.contains(path))
        << path << " reads a message's content; use wire/messages.h, or chat/ for chat calls";
  }
  EXPECT_TRUE(found);
}

TEST(SourcePolicy, POL_2_TheScannerFindsRealHits) {
  using Lines = std::vector<std::size_t>;
  EXPECT_EQ(find_construct("int main() {\n  return system(\"ls\");\n}", "system("), Lines{2});
  EXPECT_EQ(find_construct("std::system(x); system(y);", "system("), (Lines{1, 1}));
  EXPECT_EQ(find_construct("a = std::getenv(\"A\"); // b\ngetenv(x)", "getenv"), (Lines{1, 2}));
  EXPECT_EQ(find_construct("using namespace std;", "using namespace std"), Lines{1});
  EXPECT_EQ(find_construct("int n = 1'000'000; char q = '\"'; rand();", "rand("), Lines{1});
  EXPECT_EQ(find_construct("auto s = R\"x(a)\" \")x\";\nrand();", "rand("), Lines{2});
}

TEST(SourcePolicy, POL_2_TheScannerIgnoresLookAlikes) {
  const std::vector<std::size_t> nothing;
  EXPECT_EQ(find_construct("file_system(x); system_(y); my.subsystem(z);", "system("), nothing);
  EXPECT_EQ(find_construct("// system(\"ls\")\n/* system(x)\nsystem(y) */", "system("), nothing);
  EXPECT_EQ(find_construct("say(\"system(x) \\\" system(y)\");", "system("), nothing);
  EXPECT_EQ(find_construct("R\"(\nsystem(x)\n)\"", "system("), nothing);
  EXPECT_EQ(find_construct("my_getenv(x); getenv_like(y);", "getenv"), nothing);
  EXPECT_EQ(find_construct("using namespace std_extra;", "using namespace std"), nothing);
}

}  // namespace
}  // namespace trinity::testing
