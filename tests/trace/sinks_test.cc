// The file sink: lines, rotation, several writers, a full disk; and reading what it left.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/json.h"
#include "trace/jsonl_sink.h"
#include "trace/reader.h"

namespace trinity::trace {
namespace {

namespace fs = std::filesystem;

class JsonlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("trinity_trace_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    path_ = folder_ / "run.jsonl";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::shared_ptr<JsonlSink> open(std::uint64_t max_bytes = 0, int kept = 5) const {
    const auto sink = JsonlSink::open({path_, max_bytes, kept});
    EXPECT_TRUE(sink) << sink.error().message;
    return *sink;
  }
  static std::string contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_, path_;
};

Json numbered(int number, const std::string& run = "r") {
  return {{"schema_version", 1},
          {"event", "turn_started"},
          {"run_id", run},
          {"timestamp_ms", number},
          {"turn", number}};
}

TEST_F(JsonlTest, TR_5_EachEventIsALineAndNestingStays) {
  {
    const auto sink = open();
    Json nested = numbered(0);
    nested["shapes"] = {{"input_ids", Json::array({1, 15})}};
    nested["text"] = "two\nlines";
    ASSERT_TRUE(sink->write(nested));
  }
  ASSERT_TRUE(open()->write(numbered(1)));  // appends
  const std::string text = contents(path_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  const TraceLog log = read_trace(text);
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_TRUE(log.faults.empty());
  EXPECT_EQ(log.events[0]["shapes"]["input_ids"], Json::array({1, 15}));
  EXPECT_EQ(log.events[0]["text"].as_string(), "two\nlines");
  EXPECT_EQ(fs::status(path_).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(JsonlTest, FilesAreRotatedAndTheOldestGoes) {
  const auto sink = open(400, 2);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(sink->write(numbered(i)));
  const auto files = trace_files(path_);
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files.front(), folder_ / "run.jsonl.2");
  for (const fs::path& file : files) EXPECT_LE(fs::file_size(file), 400u) << file;
  const TraceLog log = read_trace_files(path_).value();
  EXPECT_TRUE(log.faults.empty());
  ASSERT_GT(log.events.size(), 4u);
  const auto first = log.events.front()["turn"].as_int64();
  EXPECT_GT(first, 0);
  for (std::size_t i = 0; i < log.events.size(); ++i)
    EXPECT_EQ(log.events[i]["turn"].as_int64(), first + static_cast<std::int64_t>(i));
  EXPECT_EQ(log.events.back()["turn"].as_int64(), 29);
}

TEST_F(JsonlTest, ALineLargerThanTheLimitHasAFileOfItsOwn) {
  const auto sink = open(50, 3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(sink->write(numbered(i)));
  EXPECT_EQ(read_trace_files(path_)->events.size(), 3u);
  EXPECT_EQ(trace_files(path_).size(), 3u);
}

TEST_F(JsonlTest, NoKeptFileMeansThatAFullOneIsBegunAnew) {
  const auto sink = open(200, 0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sink->write(numbered(i)));
  EXPECT_EQ(trace_files(path_).size(), 1u);
  EXPECT_EQ(read_trace_files(path_)->events.back()["turn"].as_int64(), 9);
}

TEST_F(JsonlTest, SinksAndThreadsShareAFileThroughRotations) {
  constexpr int kThreads = 4, kEvents = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([this, t] {
      const auto sink = open(3000, 100);  // a descriptor of its own, as another process has
      for (int i = 0; i < kEvents; ++i)
        EXPECT_TRUE(sink->write(numbered(i, "run-" + std::to_string(t))));
    });
  for (std::thread& thread : threads) thread.join();
  const TraceLog log = read_trace_files(path_).value();
  EXPECT_TRUE(log.faults.empty());
  EXPECT_EQ(log.events.size(), std::size_t{kThreads * kEvents});
  EXPECT_EQ(runs_of(log).size(), std::size_t{kThreads});
  EXPECT_EQ(events_of(log, "run-2")->size(), std::size_t{kEvents});
}

TEST_F(JsonlTest, AFullDiskIsATypedErrorAndTheNextLineIsWhole) {
  const auto full = JsonlSink::open({"/dev/full", 0, 0});
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->write(numbered(0)).error().tag, "trace_write_failed");

  // A limit on the size of files cuts a line in two, as a disk that fills up does.
  const auto sink = open();
  ASSERT_TRUE(sink->write(numbered(0)));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = fs::file_size(path_) + 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status torn = sink->write(numbered(1));
  const Status none = sink->write(numbered(2));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(torn.error().tag, "trace_write_failed");
  EXPECT_EQ(none.error().tag, "trace_write_failed");
  ASSERT_TRUE(sink->write(numbered(3)));
  const TraceLog log = read_trace_files(path_).value();
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[1]["turn"].as_int64(), 3);
  ASSERT_EQ(log.faults.size(), 1u);
  EXPECT_EQ(log.faults[0].line, 2u);
}

TEST_F(JsonlTest, ASinkThatFindsATornLineBeginsANewOne) {
  std::ofstream(path_, std::ios::binary) << R"({"schema_version":1,"event":"ru)";
  ASSERT_TRUE(open()->write(numbered(5)));
  const TraceLog log = read_trace_files(path_).value();
  EXPECT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.faults.size(), 1u);
}

TEST_F(JsonlTest, ARemovedFileIsMadeAnew) {
  const auto sink = open();
  ASSERT_TRUE(sink->write(numbered(0)));
  fs::remove(path_);
  ASSERT_TRUE(sink->write(numbered(1)));
  EXPECT_EQ(read_trace_files(path_)->events.size(), 1u);
}

TEST_F(JsonlTest, WhatCannotBeOpenedIsRefused) {
  EXPECT_EQ(JsonlSink::open({}).error().tag, "invalid_trace_sink");
  EXPECT_EQ(JsonlSink::open({path_, 0, -1}).error().tag, "invalid_trace_sink");
  EXPECT_EQ(JsonlSink::open({folder_ / "no" / "x", 0, 1}).error().tag, "trace_open_failed");
  EXPECT_EQ(JsonlSink::open({folder_, 0, 1}).error().tag, "trace_open_failed");
}

TEST_F(JsonlTest, RunsAreFoundByTheBeginOfTheirId) {
  TraceLog log;
  for (const char* run : {"aa1", "aa2", "b"}) log.events.push_back(numbered(0, run));
  log.events.push_back({{"schema_version", 1},
                        {"event", "run_failed"},
                        {"run_id", "b"},
                        {"timestamp_ms", 5},
                        {"reason", Json::array({"budget_exceeded", "wall_time"})}});
  EXPECT_EQ(events_of(log, "aa1")->size(), 1u);
  EXPECT_EQ(events_of(log, "b")->size(), 2u);
  EXPECT_EQ(events_of(log, "aa").error().tag, "unknown_run");
  EXPECT_EQ(events_of(log, "zz").error().tag, "unknown_run");
  EXPECT_EQ(events_of(log, "").error().tag, "unknown_run");
  EXPECT_EQ(runs_of(log)[2].end, "budget_exceeded wall_time");
  EXPECT_EQ(runs_of(log)[0].end, "");
}

TEST(Reader, PassesOverWhatIsNoEventAndSaysWhere) {
  const TraceLog log = read_trace("\n{}\nnot json\n" + json_text(numbered(1)) + "\r\n[1]", "", "f");
  EXPECT_EQ(log.events.size(), 1u);
  ASSERT_EQ(log.faults.size(), 3u);
  EXPECT_EQ(log.faults[0].line, 2u);
  EXPECT_EQ(log.faults[1].line, 3u);
  EXPECT_EQ(log.faults[2].line, 5u);
  EXPECT_EQ(log.faults[2].file, "f");
  EXPECT_EQ(read_trace(json_text(numbered(1, "x")), "y").events.size(), 0u);
}

}  // namespace
}  // namespace trinity::trace
