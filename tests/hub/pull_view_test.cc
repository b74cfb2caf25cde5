// The line that follows a pull on a terminal.
#include "cli/hub/pull_view.h"

#include <gtest/gtest.h>

#include "base/printable.h"

namespace trinity::cli {
namespace {

TEST(PullView, FilesBytesRateAndNames) {
  hub::PullProgress now;
  now.files = 11;
  now.finished_files = 2;
  now.done_bytes = 412'000'000;
  now.total_bytes = 1'330'200'000;
  now.active = {"model.safetensors", "another.safetensors"};
  EXPECT_EQ(progress_text(now, 234'000'000, 10, 200),
            "2/11 files  31 %  412.0/1330.2 MB  23.4 MB/s  39 s left  model.safetensors  "
            "another.safetensors");
  EXPECT_EQ(progress_text(now, 234'000'000, 10, 80),
            "2/11 files  31 %  412.0/1330.2 MB  23.4 MB/s  39 s left  model.safetensors");
}

TEST(PullView, NothingIsForetoldFromNothing) {
  hub::PullProgress now;
  now.files = 3;
  EXPECT_EQ(progress_text(now, 0, 0, 80), "0/3 files");
  now.total_bytes = 2'000'000;
  EXPECT_EQ(progress_text(now, 0, 5, 80), "0/3 files  0 %  0.0/2.0 MB");
}

TEST(PullView, ForeignNamesStayTextAndTheLineFits) {
  hub::PullProgress now;
  now.files = 1;
  now.active = {"a\x1b]2;title\x07\u202e.bin"};
  const std::string line = progress_text(now, 0, 0, 80);
  EXPECT_EQ(line, R"(0/1 file  a\x1b]2;title\x07\u202e.bin)");
  for (int columns = 1; columns < 60; ++columns)
    EXPECT_LE(display_width(progress_text(now, 0, 0, columns)), static_cast<std::size_t>(columns));
}

hub::PullReport report_of(std::size_t downloaded, std::size_t there) {
  hub::PullReport report;
  report.folder = "/a folder/it's";
  for (std::size_t i = 0; i < downloaded + there; ++i) {
    hub::PulledFile file;
    file.path = "f" + std::to_string(i);
    file.source = i < downloaded ? hub::FileSource::downloaded : hub::FileSource::cache;
    if (i < downloaded) file.endpoint = i % 2 ? "https://b.org" : "https://a.org";
    report.files.push_back(file);
  }
  return report;
}

TEST(PullView, TheOthersAreNamedOnlyWhenThereAreOthers) {
  const auto second_line = [](std::size_t downloaded, std::size_t there) {
    const std::string text = pull_text({}, report_of(downloaded, there), 1.5);
    return text.substr(text.find('\n') + 1);
  };
  EXPECT_EQ(second_line(0, 3), "nothing was downloaded: all of it was there\n");
  EXPECT_EQ(second_line(1, 0), "downloaded it from https://a.org, 0.0 MB in 1.5 s\n");
  EXPECT_EQ(second_line(3, 0),
            "downloaded all of them from https://a.org and https://b.org, 0.0 MB in 1.5 s\n");
  EXPECT_EQ(second_line(1, 1),
            "downloaded 1 of them from https://a.org, 0.0 MB in 1.5 s; the other one was there\n");
  EXPECT_EQ(second_line(1, 2),
            "downloaded 1 of them from https://a.org, 0.0 MB in 1.5 s; the others were there\n");
  EXPECT_NE(pull_text({}, report_of(1, 0), 1).find(" 1 file into "), std::string::npos);
}

TEST(PullView, TheNextCommandFitsWhatWasPulled) {
  hub::PullReport report = report_of(2, 0);
  EXPECT_EQ(next_step(report), "");
  report.files[0].path = "config.json";
  report.files[1].path = "tokenizer.json";
  EXPECT_NE(next_step(report).find("trinity pull --router --dest adapted"), std::string::npos);
  EXPECT_NE(next_step(report).find("trinity doctor --model '/a folder/it'\\''s' --bundle adapted"),
            std::string::npos);
  report.files[0].path = "manifest.json";
  report.files[1].path = "router_head.safetensors";
  report.folder = "adapted";
  EXPECT_NE(next_step(report).find("trinity doctor --model MODEL --bundle adapted"),
            std::string::npos);
  EXPECT_NE(next_step(report).find("trinity pull --base"), std::string::npos);
}

}  // namespace
}  // namespace trinity::cli
