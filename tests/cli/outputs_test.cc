// Where outputs go: what must not be destroyed, what is told before the work, and that work which
// is done is delivered as far as it can be.
//
// Everything that a mistake could destroy lies in a folder of the test.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "base/descriptor.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

/// `eval` of one case with the embedded router: work of a moment.
Words one_case(const Words& extra) {
  Words words = {"eval", "--profile", "cpu_f32", "--case", "lang_german"};
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files[entry.path().lexically_relative(folder).string()] =
        entry.is_regular_file() ? slurp(entry.path()) : "";
  return files;
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

class Outputs : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  std::string put(const std::string& name, const std::string& text = "precious") const {
    return folder_.put(name, text).string();
  }
  TemporaryFolder folder_;
};

TEST_F(Outputs, NothingThatACommandReadsIsReplaced) {
  const std::string cases = put("cases.json"), snapshot = put("snapshot.json"),
                    vector = put("v.npy"), head = put("h.npy"), report = put("theirs.json"),
                    tasks = put("tasks.jsonl"), config = put("m/config.json", small_config()),
                    weights = put("m/model.safetensors"), model = at("m"), bundle = at("b"),
                    manifest = put("b/manifest.json"), components = at("c");
  put("c/python_manifest.json");
  fs::create_symlink("cases.json", folder_ / "link");
  fs::create_hard_link(vector, folder_ / "hard.npy");
  const auto before = files_in(folder_.path());
  const std::vector<Words> calls = {
      {"eval", "--cases", cases, "--report", cases},
      {"eval", "--cases", cases, "--report", at("b/../cases.json")},
      {"eval", "--cases", cases, "--report", at("link")},
      {"eval", "--snapshot", snapshot, "--snapshot-out", snapshot},
      {"eval", "--report", at("new"), "--snapshot-out", at("m/../new")},
      {"eval", "--profile", "cpu_f32", "--report", at("cpu_f32"), "--snapshot-out",
       at("{profile}")},
      {"vector", "convert", vector, vector, "--float32"},
      {"vector", "convert", vector, at("hard.npy")},
      {"vector", "split", vector, "--offsets", vector},
      {"vector", "split", vector, "--offsets", at("s.npy"), "--head", at("s.npy")},
      {"vector", "join", "--offsets", vector, "--head", head, head},
      {"trace", "--model", model, "--out", config},
      {"trace", "--python-report", report, "--out", report},
      {"lab", "matrix", "--model", model, "--cases", cases, "--report", weights},
      {"lab", "matrix", "--cases", cases, "--report", cases},
      {"lab", "benchmark", "--dataset", tasks, "--out", tasks},
      {"inspect", vector, "--svg", vector},
      {"inspect", bundle, "--svg", manifest},
      {"pin", "--bundle-dir", bundle, "--repo-id", "a/b", "--revision", "v1", "--out", manifest},
      {"parity", "check", "--python-report", report, "--our-report", snapshot, "--summary-out",
       report},
      {"parity", "sample", "--python-report", report, "--router-vector", vector, "--out", vector},
      {"parity", "chunks", "--python-report", report, "--components-dir", components, "--out",
       report},
      {"parity", "chunks", "--python-report", report, "--components-dir", components, "--out",
       at("o"), "--stage-dir", components},
      {"synth", "--config", config, "--out", model},
      {"export", "--model", model, "--vector", vector, "--out", model},
      {"export", "--model", model, "--vector", vector, "--out", at("b/../m"), "--force"},
      {"export", "--model", model, "--vector", manifest, "--out", bundle, "--force"},
      {"import", "--source-dir", components, "--no-load-qwen", "--out", components, "--force"}};
  for (const Words& words : calls) {
    std::string shown;
    for (const std::string& word : words) shown += " " + word;
    SCOPED_TRACE(shown);
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(lines_of(outcome.err).size(), 1U) << outcome.err;
    EXPECT_EQ(files_in(folder_.path()), before);
  }
}

TEST_F(Outputs, ADescriptorIsWrittenIntoEvenOfAFile) {
  // The results and the report in one stream, because the user says so.
  const Outcome both = run_in_shell("exec \"$0\" \"$@\" >" + at("all.txt"),
                                    with_model("trace", {"--out", "/dev/stdout"}));
  EXPECT_EQ(both.status, 0) << both.err;
  const std::string all = slurp(folder_ / "all.txt");
  EXPECT_NE(all.find("=== TRINITY SAKANA ROUTER TRACE: PASS ==="), std::string::npos) << all;
  EXPECT_NE(all.find("\"schema\""), std::string::npos) << all;
  // As a shell hands over `>(command)`.
  const Outcome other = run_in_shell("exec \"$0\" \"$@\" 3>" + at("three.json"),
                                     with_model("trace", {"--out", "/dev/fd/3"}));
  EXPECT_EQ(other.status, 0) << other.err;
  EXPECT_EQ(Json::parse(slurp(folder_ / "three.json"))["schema"], "trinity_sakana_router_trace.v1");
  const Outcome mixed = run_in_shell("exec \"$0\" \"$@\" >" + at("mixed"),
                                     with_model("trace", {"--out", at("mixed")}));
  EXPECT_EQ(mixed.status, 2) << "results and report would overwrite each other";
}

TEST_F(Outputs, APipeGetsTheReportAndStaysAPipe) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // Open for both directions, with room for all of it: nobody waits for anybody.
  const Descriptor reader(::open(pipe.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ASSERT_TRUE(reader.is_open());
  if (::fcntl(reader.get(), F_SETPIPE_SZ, 1 << 20) < 0)
    GTEST_SKIP() << "SKIPPED: no pipe of a mebibyte can be had here";
  const Outcome outcome = run(one_case({"--report", pipe.string()}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::string page(1 << 20, '\0');
  const ssize_t count = ::read(reader.get(), page.data(), page.size());
  ASSERT_GT(count, 0);
  page.resize(static_cast<std::size_t>(count));
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST_F(Outputs, AFileKeepsItsModeItsLinksAndItsNeighbours) {
  const fs::path real = put("real.json"), link = folder_ / "link.json";
  ASSERT_EQ(::chmod(real.c_str(), 0600), 0);
  fs::create_symlink("real.json", link);
  put("real.json.tmp", "mine");
  put("link.json.tmp", "mine");
  const Outcome outcome = run(with_model("trace", {"--out", link.string()}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Json::parse(slurp(real))["schema"], "trinity_sakana_router_trace.v1");
  EXPECT_EQ(mode_of(real), 0600U);
  for (const char* name : {"real.json.tmp", "link.json.tmp"})
    EXPECT_EQ(slurp(folder_ / name), "mine");
  EXPECT_EQ(files_in(folder_.path()).size(), 4U);
}

TEST_F(Outputs, APlaceThatCannotBeWrittenIsToldBeforeTheWork) {
  const std::string read_only = put("read only");
  ASSERT_EQ(::chmod(read_only.c_str(), 0444), 0);
  put("file");
  const std::string cases = put("cases.json"), vector = put("v.npy"), report = put("theirs.json"),
                    bundle = at("b");
  put("b/manifest.json");
  fs::create_directory(folder_ / "d");
  const auto before = files_in(folder_.path());
  const std::vector<std::pair<std::string, int>> places = {
      {"absent/out.npy", 3}, {"file/out.npy", 1}, {"d", 1}, {"read only", 1}};
  for (const auto& [place, status] : places) {
    const std::string out = at(place);
    const std::vector<Words> calls = {
        one_case({"--report", out}),
        one_case({"--json", "--snapshot-out", out}),
        {"trace", "--out", out},
        {"lab", "matrix", "--report", out},
        {"lab", "benchmark", "--out", out},
        {"lab", "golden", "--out", out},
        {"vector", "convert", vector, out},
        {"vector", "split", vector, "--head", out},
        {"inspect", vector, "--svg", out},
        {"pin", "--bundle-dir", bundle, "--repo-id", "a/b", "--revision", "v1", "--out", out},
        {"parity", "check", "--python-report", report, "--our-report", cases, "--summary-out", out},
        {"parity", "sample", "--router-vector", vector, "--out", out}};
    for (const Words& words : calls) {
      SCOPED_TRACE(words[0] + " " + words[1] + " " + place);
      const Outcome outcome = run(words);
      EXPECT_EQ(outcome.status, status) << outcome.err;
      if (words.back() == out && std::find(words.begin(), words.end(), "--json") != words.end())
        EXPECT_TRUE(Json::parse(outcome.out).contains("error"));
      else
        EXPECT_EQ(outcome.out, "");
      EXPECT_EQ(lines_of(outcome.err).size(), 1U) << outcome.err;
      EXPECT_NE(outcome.err.find(words[0] == "vector" && words[1] == "convert" ? "output" : "--"),
                std::string::npos)
          << "says which flag: " << outcome.err;
      EXPECT_EQ(files_in(folder_.path()), before);
    }
  }
}

TEST_F(Outputs, AReportThatFailsAtTheEndTakesNothingElseWithIt) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "SKIPPED: there is no /dev/full here";
  // Through a descriptor: a program that replaced names could do no harm.
  const std::string snapshot = at("snapshot.json");
  const Outcome text =
      run_in_shell("exec \"$0\" \"$@\" 3>/dev/full",
                   one_case({"--report", "/dev/fd/3", "--snapshot-out", snapshot}));
  EXPECT_EQ(text.status, 1);
  EXPECT_NE(text.out.find("1 passed"), std::string::npos) << text.out;
  EXPECT_NE(text.err.find("/dev/fd/3"), std::string::npos) << text.err;
  EXPECT_EQ(Json::parse(slurp(snapshot))["cases"].size(), 1U);
  const Outcome json =
      run_in_shell("exec \"$0\" \"$@\" 3>/dev/full", one_case({"--json", "--report", "/dev/fd/3"}));
  EXPECT_EQ(json.status, 1);
  EXPECT_EQ(Json::parse(json.out)["passed"], 1);
  const Outcome bench = run_in_shell(
      "exec \"$0\" \"$@\" 3>/dev/full",
      {"lab", "benchmark", "--suite", "routing", "--limit", "3", "--json", "--out", "/dev/fd/3"});
  EXPECT_EQ(bench.status, 1);
  EXPECT_TRUE(Json::parse(bench.out).is_object());
}

TEST_F(Outputs, AReaderThatLeavesChangesNoVerdict) {
  const auto status_without_reader = [](const Words& words, const std::string& input = {}) {
    std::signal(SIGPIPE, SIG_IGN);
    Process process(words);
    close_pipe_end(process.out);
    return process.finish(input).status;
  };
  const std::string report = at("report.html"), snapshot = at("snapshot.json");
  EXPECT_EQ(status_without_reader(one_case(
                {"--min-agent-margin", "1000", "--report", report, "--snapshot-out", snapshot})),
            1);
  EXPECT_TRUE(slurp(report).starts_with("<!doctype html>"));
  EXPECT_EQ(Json::parse(slurp(snapshot))["cases"].size(), 1U);
  EXPECT_EQ(status_without_reader(one_case({})), 0);
  EXPECT_EQ(status_without_reader(with_model("tokenize"), "nonsense\n"), 1);
  EXPECT_EQ(status_without_reader(with_model("tokenize"), "{\"text\":\"abc\"}\n"), 0);
  EXPECT_EQ(status_without_reader({"doctor", "--model", "/no/such/folder"}), 3);
  EXPECT_EQ(status_without_reader({"verify", "/no/such/folder"}), 3);
}

}  // namespace
}  // namespace trinity::testing
