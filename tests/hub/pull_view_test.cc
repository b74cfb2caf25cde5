// The line that follows a pull on a terminal.
#include "cli/hub/pull_view.h"

#include <gtest/gtest.h>

#include "base/printable.h"

namespace trinity::cli {
namespace {

TEST(PullView, FilesBytesRateAndNames) {
  PullProgress now;
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
  PullProgress now;
  now.files = 3;
  EXPECT_EQ(progress_text(now, 0, 0, 80), "0/3 files");
  now.total_bytes = 2'000'000;
  EXPECT_EQ(progress_text(now, 0, 5, 80), "0/3 files  0 %  0.0/2.0 MB");
}

TEST(PullView, ForeignNamesStayTextAndTheLineFits) {
  PullProgress now;
  now.files = 1;
  now.active = {"a\x1b]2;title\x07\u202e.bin"};
  const std::string line = progress_text(now, 0, 0, 80);
  EXPECT_EQ(line, R"(0/1 file  a\x1b]2;title\x07\u202e.bin)");
  for (int columns = 1; columns < 60; ++columns)
    EXPECT_LE(display_width(progress_text(now, 0, 0, columns)), static_cast<std::size_t>(columns));
}

}  // namespace
}  // namespace trinity::cli
