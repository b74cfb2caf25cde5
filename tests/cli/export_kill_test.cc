// Exports that are killed at random moments, and on a disk that fills up: what is left is never
// taken for a finished bundle, and --resume makes of it what an undisturbed run would have made.
#include <sys/mount.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "bundle/bundle.h"
#include "bundle/small_world.h"
#include "bundle/verify.h"
#include "cli/run_program.h"

namespace trinity::testing {
namespace {

constexpr int kKills = 60;
constexpr int kVocabulary = 40000;  // large enough that most of the time goes into writing

const SmallWorld& world() {
  static const SmallWorld made(kVocabulary);
  return made;
}

Words export_words(const fs::path& out, const Words& extra = {}) {
  Words words = {"export",
                 "--model",
                 world().model().string(),
                 "--vector",
                 world().vector().string(),
                 "--layers",
                 "1",
                 "--out",
                 out.string(),
                 "--profile",
                 "cpu_f32",
                 "--threads",
                 "1",
                 "--merge",
                 "--json"};
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

std::map<std::string, ino_t> finished_files(const fs::path& bundle) {
  std::map<std::string, ino_t> out;
  const auto manifest = bundle::load_manifest(bundle);
  if (!manifest) return out;
  for (const bundle::ManifestTensor& tensor : manifest->tensors) {
    struct stat status {};
    if (tensor.status == bundle::TensorStatus::complete &&
        ::stat((bundle / tensor.checkpoint_path).c_str(), &status) == 0)
      out[tensor.checkpoint_path] = status.st_ino;
  }
  return out;
}

/// Incomplete to every reader, or complete and valid.
void expect_honest(const fs::path& bundle) {
  const auto opened = bundle::Bundle::open(bundle);
  if (!opened) {
    EXPECT_TRUE(opened.error().tag == "incomplete_artifact" ||
                opened.error().tag == "missing_manifest" ||
                opened.error().tag == "invalid_output_dir")
        << opened.error().message;
    return;
  }
  const auto report = bundle::verify_bundle(bundle, {});
  ASSERT_TRUE(report) << report.error().message;
  for (const bundle::Finding& finding : report->findings)
    EXPECT_TRUE(finding.ok) << finding.subject << ": " << finding.message;
}

TEST(ExportKilled, ResumingGivesTheSameFilesAndRepeatsNothing) {
  const TemporaryFolder folder;
  const auto begin = std::chrono::steady_clock::now();
  const Outcome whole = run(export_words(folder / "whole"));
  ASSERT_EQ(whole.status, 0) << whole.err;
  const auto duration = std::chrono::steady_clock::now() - begin;
  const auto expected = payload_files(folder / "whole");
  ASSERT_EQ(expected.size(), 11U);  // nine checkpoints, head, merged file

  std::mt19937 generator(1);
  const fs::path bundle = folder / "bundle";
  int killed = 0, started_over = 0, most_kept = 0, finished_between = 0;
  bool resume = false;
  while (killed < kKills) {
    SCOPED_TRACE("kill " + std::to_string(killed));
    const auto kept = finished_files(bundle);
    Process process(export_words(bundle, resume ? Words{"--resume"} : Words{"--force"}));
    const double share = std::uniform_real_distribution<double>(0, 0.9)(generator);
    std::this_thread::sleep_for(duration * share);
    process.kill();
    const Outcome outcome = process.finish({});
    if (outcome.status == 128 + SIGKILL)
      ++killed;
    else
      ASSERT_EQ(outcome.status, 0) << outcome.err;
    expect_honest(bundle);
    // What was finished before this run is untouched.
    if (resume)
      for (const auto& [name, inode] : kept) {
        struct stat status {};
        ASSERT_EQ(::stat((bundle / name).c_str(), &status), 0) << name;
        EXPECT_EQ(status.st_ino, inode) << name;
      }
    const auto now = finished_files(bundle);
    EXPECT_GE(now.size(), resume ? kept.size() : 0U);
    most_kept = std::max(most_kept, static_cast<int>(now.size()));
    if (::testing::Test::HasFailure()) return;
    if (now.size() == 9 && outcome.status != 128 + SIGKILL) ++finished_between;
    // Now and then the work begins anew, else everything would soon be finished.
    const bool all_there = now.size() == 9;
    resume = fs::exists(bundle / "manifest.json") && !(all_there && generator() % 2 == 0);
    if (!resume) ++started_over;
    if (resume && generator() % 3 == 0) {
      const Outcome rest = run(export_words(bundle, {"--resume"}));
      ASSERT_EQ(rest.status, 0) << rest.err;
      size_t skipped = 0;
      for (const std::string& line : lines_of(rest.out))
        skipped += Json::parse(line).at("event") == "tensor_skipped" ? 1 : 0;
      EXPECT_EQ(skipped, now.size());
      EXPECT_EQ(payload_files(bundle), expected);
      expect_honest(bundle);
      resume = false;
    }
  }
  EXPECT_GT(most_kept, 0);
  RecordProperty("kills", killed);
  RecordProperty("started_over", started_over);
}

/// A file system of limited size; unmounted at the end.
class SmallDisk {
 public:
  SmallDisk(fs::path path, int kilobytes) : path_(std::move(path)) {
    fs::create_directories(path_);
    const std::string options = "size=" + std::to_string(kilobytes) + "k";
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  void resize(int kilobytes) const {
    const std::string options = "size=" + std::to_string(kilobytes) + "k";
    ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, options.c_str()), 0);
  }

 private:
  fs::path path_;
  bool mounted_ = false;
};

TEST(ExportOnAFullDisk, IsTypedAndCanBeResumed) {
  const TemporaryFolder folder;
  // Embedding and LM head are about 5 MB each; with the merged file the whole is about 20 MB.
  const SmallDisk disk(folder / "disk", 1000);
  if (!disk.mounted())
    GTEST_SKIP() << "SKIPPED: a small disk cannot be mounted here (needs root); the export on a "
                    "full disk is not tested";
  const fs::path bundle = folder / "disk/bundle";
  ASSERT_EQ(run(export_words(folder / "whole")).status, 0);
  const auto expected = payload_files(folder / "whole");
  for (const int kilobytes : {1000, 4000, 7000, 11000, 13000, 18000}) {
    SCOPED_TRACE(kilobytes);
    disk.resize(kilobytes);
    const bool begun = fs::exists(bundle / "manifest.json");
    const Outcome outcome = run(export_words(bundle, {begun ? "--resume" : "--force"}));
    EXPECT_EQ(outcome.status, 1) << outcome.out;
    EXPECT_NE(outcome.err.find("write_failed"), std::string::npos) << outcome.err;
    EXPECT_EQ(lines_of(outcome.err).size(), 1U) << outcome.err;
    expect_honest(bundle);
    EXPECT_FALSE(bundle::Bundle::open(bundle));
  }
  disk.resize(40000);
  const Outcome rest = run(export_words(bundle, {"--resume"}));
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(payload_files(bundle), expected);
  expect_honest(bundle);
}

TEST(ExportOnAFullDisk, WithoutEvenRoomForTheManifest) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder / "disk", 8);
  if (!disk.mounted()) GTEST_SKIP() << "SKIPPED: a small disk cannot be mounted here (needs root)";
  folder.put("disk/filler", std::string(8192, 'x'));
  const Outcome outcome = run(export_words(folder / "disk/bundle"));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(lines_of(outcome.err).size(), 1U) << outcome.err;
  EXPECT_FALSE(bundle::Bundle::open(folder / "disk/bundle"));
}

}  // namespace
}  // namespace trinity::testing
