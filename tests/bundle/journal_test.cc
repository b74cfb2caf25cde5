// The journal of finished tensors: what it saves, and what is left of it when it is cut, damaged,
// foreign, or when the disk is full.
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "base/sha256.h"
#include "bundle/export_fixture.h"
#include "bundle/progress_journal.h"

namespace trinity::testing {
namespace {

class JournalTest : public ExportTest {
 protected:
  /// A bundle as a kill leaves it when every tensor is there and the merged file is not.
  fs::path stopped_bundle() {
    const fs::path stopped = folder_ / "stopped";
    const Exported exported = do_export(options("whole"), [&](const std::string& event) {
      if (event == "artifact_merge_started")
        fs::copy(folder_ / "whole", stopped, fs::copy_options::recursive);
    });
    EXPECT_TRUE(exported.report) << exported.message();
    return stopped;
  }
  static fs::path journal_of(const fs::path& bundle) { return bundle / "manifest.journal"; }
  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  Exported resume(const fs::path& bundle) const {
    bundle::ExportOptions made = shared_world().options();
    made.out = bundle;
    made.resume = true;
    return do_export(made);
  }
};

/// Counts how often a file of that name appears in a folder.
class Arrivals {
 public:
  Arrivals(const fs::path& folder, std::string name)
      : name_(std::move(name)), watch_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (watch_ >= 0 && ::inotify_add_watch(watch_, folder.c_str(), IN_MOVED_TO) < 0) {
      ::close(watch_);
      watch_ = -1;
    }
  }
  ~Arrivals() {
    if (watch_ >= 0) ::close(watch_);
  }
  bool works() const { return watch_ >= 0; }
  int count() {
    alignas(inotify_event) char buffer[65536];
    for (ssize_t size; (size = ::read(watch_, buffer, sizeof buffer)) > 0;)
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        if (event->len > 0 && name_ == event->name) ++count_;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    return count_;
  }

 private:
  std::string name_;
  int watch_;
  int count_ = 0;
};

TEST_F(JournalTest, TheManifestIsWrittenAsOftenForManyTensorsAsForFew) {
  std::vector<int> counts;
  for (const bool both_layers : {false, true}) {
    bundle::ExportOptions made = options(both_layers ? "many" : "few");
    if (both_layers) {
      made.layers = {0, 1};
      made.vector = folder_ / "both.safetensors";
      write_vector(made.vector, kWorldNumbers + 5 * 64 + 2 * 32);
    }
    fs::create_directories(made.out);
    Arrivals arrivals(made.out, "manifest.json");
    if (!arrivals.works()) GTEST_SKIP() << "SKIPPED: folders cannot be watched here";
    const Exported exported = do_export(made);
    ASSERT_TRUE(exported.report) << exported.message();
    EXPECT_EQ(exported.report->written, both_layers ? 16 : 9);
    counts.push_back(arrivals.count());
  }
  EXPECT_EQ(counts[0], 3);  // begun, with the head, complete
  EXPECT_EQ(counts[1], counts[0]);
}

TEST_F(JournalTest, AFinishedBundleHasNone) {
  ASSERT_TRUE(do_export(options()).report);
  EXPECT_FALSE(fs::exists(journal_of(bundle())));
  bundle::ExportOptions one = options();
  one.force = true;
  one.only_index = 2;
  ASSERT_TRUE(do_export(one).report);
  EXPECT_FALSE(fs::exists(journal_of(bundle())));
}

TEST_F(JournalTest, AStoppedBundleIsRefusedAndContinuedWithoutRepeatingAnything) {
  const fs::path stopped = stopped_bundle();
  EXPECT_EQ(manifest_of(stopped)["status"], "pending");
  for (const Json& tensor : manifest_of(stopped)["selected_tensors"])
    EXPECT_EQ(tensor["status"], "pending");
  EXPECT_EQ(bundle::load_manifest(stopped)->completed(), 9);
  const auto refused = bundle::Bundle::open(stopped);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "incomplete_artifact");
  EXPECT_NE(refused.error().message.find("finish it with trinity export --resume"),
            std::string::npos);
  const Exported resumed = resume(stopped);
  ASSERT_TRUE(resumed.report) << resumed.message();
  EXPECT_EQ(resumed.report->kept, 9);
  EXPECT_EQ(payload_files(stopped), payload_files(folder_ / "whole"));
  expect_valid(stopped, shared_world().model());
  // The manifest is the one of a run that nothing stopped, but for times.
  Json ours = manifest_of(stopped), theirs = manifest_of(folder_ / "whole");
  for (Json* one : {&ours, &theirs})
    for (const char* key : {"created_at", "updated_at"}) one->erase(key);
  EXPECT_EQ(ours.dump(), theirs.dump());
}

TEST_F(JournalTest, CutAtEveryByteItKeepsEveryWholeLine) {
  const fs::path stopped = stopped_bundle();
  const std::string journal = slurp(journal_of(stopped));
  const std::string text = slurp(stopped / "manifest.json");
  const std::string hash = sha256_hex(text);
  const auto fresh = bundle::parse_manifest(text);
  ASSERT_TRUE(fresh);
  int64_t lines = -1;  // the first names the manifest
  for (size_t cut = 0; cut <= journal.size(); ++cut) {
    if (cut > 0 && journal[cut - 1] == '\n') ++lines;
    bundle::Manifest manifest = *fresh;
    bundle::apply_journal_text(std::string_view(journal).substr(0, cut), hash, manifest);
    ASSERT_EQ(manifest.completed(), std::max<int64_t>(lines, 0)) << cut;
  }
  EXPECT_EQ(lines, 9);
  // And a run continues from each.
  const auto expected = payload_files(folder_ / "whole");
  for (size_t line = 0, end = 0; line < 10; ++line) {
    end = journal.find('\n', end) + 1;
    const size_t cut = line % 2 == 0 ? end : end - 1;
    const fs::path bundle = folder_ / ("cut" + std::to_string(line));
    fs::copy(stopped, bundle, fs::copy_options::recursive);
    write(journal_of(bundle), journal.substr(0, cut));
    const Exported resumed = resume(bundle);
    ASSERT_TRUE(resumed.report) << resumed.message();
    EXPECT_EQ(resumed.report->kept, static_cast<int64_t>(line % 2 == 0 ? line : line - 1));
    EXPECT_EQ(payload_files(bundle), expected);
    expect_valid(bundle);
  }
}

TEST_F(JournalTest, ADamagedLineAndWhatFollowsItAreDropped) {
  const fs::path stopped = stopped_bundle();
  const std::string journal = slurp(journal_of(stopped));
  const std::string text = slurp(stopped / "manifest.json");
  const auto fresh = bundle::parse_manifest(text);
  ASSERT_TRUE(fresh);
  for (size_t at = 0; at < journal.size(); at += 13) {
    std::string damaged = journal;
    damaged[at] ^= 1;
    bundle::Manifest manifest = *fresh;
    bundle::apply_journal_text(damaged, sha256_hex(text), manifest);
    const auto before = std::count(journal.begin(), journal.begin() + static_cast<long>(at), '\n');
    EXPECT_EQ(manifest.completed(), std::max<int64_t>(before - 1, 0)) << at;
  }
}

TEST_F(JournalTest, AJournalOfAnotherManifestSaysNothing) {
  const fs::path stopped = stopped_bundle();
  edit_manifest(stopped, [](Json& m) { m["producer"] = "another"; });
  EXPECT_EQ(bundle::load_manifest(stopped)->completed(), 0);
  // Nor does one that lies in a whole bundle, and a rerun takes it away.
  fs::copy(journal_of(stopped), journal_of(folder_ / "whole"));
  const std::string before = slurp(folder_ / "whole/manifest.json");
  EXPECT_TRUE(bundle::Bundle::open(folder_ / "whole"));
  ASSERT_TRUE(resume(folder_ / "whole").report);
  EXPECT_FALSE(fs::exists(journal_of(folder_ / "whole")));
  EXPECT_EQ(slurp(folder_ / "whole/manifest.json"), before);
}

TEST_F(JournalTest, ForceTakesItAwayAndALinkInItsPlaceIsNotFollowed) {
  const fs::path stopped = stopped_bundle();
  folder_.put("outside", "mine");
  fs::remove(journal_of(stopped));
  fs::create_symlink(folder_ / "outside", journal_of(stopped));
  EXPECT_EQ(bundle::load_manifest(stopped)->completed(), 0);
  bundle::ExportOptions force = options("stopped");
  force.force = true;
  const Exported exported = do_export(force);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_TRUE(exported.report->foreign_files.empty());
  EXPECT_EQ(slurp(folder_ / "outside"), "mine");
  EXPECT_FALSE(fs::exists(fs::symlink_status(journal_of(stopped))));
  expect_valid(stopped);
}

TEST_F(JournalTest, ABundleWhoseProgressIsInItsManifestIsContinued) {
  const fs::path stopped = stopped_bundle();
  bundle::Manifest manifest = *bundle::load_manifest(stopped);
  fs::remove(journal_of(stopped));
  manifest.tensors[3].status = bundle::TensorStatus::running;
  manifest.tensors[7] = bundle::parse_manifest(slurp(stopped / "manifest.json"))->tensors[7];
  write(stopped / "manifest.json", bundle::manifest_json(manifest));
  const Exported resumed = resume(stopped);
  ASSERT_TRUE(resumed.report) << resumed.message();
  EXPECT_EQ(resumed.report->kept, 7);
  EXPECT_EQ(payload_files(stopped), payload_files(folder_ / "whole"));
  expect_valid(stopped);
}

/// No file may become larger than this while it lives, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uintmax_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{static_cast<rlim_t>(bytes), before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(JournalTest, AFullDiskUnderItLosesTheTensorInFlightAndNoOther) {
  const auto plan = bundle::plan_export(options());
  ASSERT_TRUE(plan);
  const auto finished = [&](size_t place) {
    bundle::ManifestTensor entry = (*plan)->manifest.tensors[place];
    entry.status = bundle::TensorStatus::complete;
    entry.checkpoint_sha256 = std::string(64, 'a');
    return entry;
  };
  int cut = 0;
  for (std::uintmax_t room = 0; room < 700; room += 23, ++cut) {
    SCOPED_TRACE(room);
    const fs::path out = folder_ / ("full" + std::to_string(cut));
    bundle::BundleWriter writer(out, (*plan)->manifest);
    ASSERT_TRUE(writer.prepare(false, false));
    ASSERT_TRUE(writer.begin("pending"));
    ASSERT_TRUE(writer.record(0, finished(0)));
    const std::uintmax_t size = fs::file_size(journal_of(out));
    ASSERT_LT(size + room, fs::file_size(out / "manifest.json"));
    Status second;
    {
      const FileSizeLimit full(size + room);
      second = writer.record(1, finished(1));
      if (!second) writer.fail_tensor(1, second.error());  // which cannot be written either
    }
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().tag, "write_failed");
    EXPECT_NE(second.error().message.find("--resume"), std::string::npos);
    EXPECT_EQ(fs::file_size(journal_of(out)), size + room);
    const auto left = bundle::load_manifest(out);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->progress.status, "pending");
    EXPECT_EQ(left->completed(), 1);
    EXPECT_FALSE(bundle::require_complete(*left));
  }
}

}  // namespace
}  // namespace trinity::testing
