#include "terminal/progress.h"

#include <gtest/gtest.h>

#include "base/printable.h"

namespace trinity::terminal {
namespace {

TEST(Progress, ForecastComesFromFinishedPieces) {
  Forecast forecast;
  EXPECT_FALSE(forecast.left(100));  // a long first piece tells nothing until it is finished
  forecast.finished(0.25, 100);
  EXPECT_DOUBLE_EQ(forecast.left(100).value(), 300);
  EXPECT_DOUBLE_EQ(forecast.left(110).value(), 290);
  forecast.finished(0.5, 150);
  EXPECT_DOUBLE_EQ(forecast.left(150).value(), 150);
  EXPECT_DOUBLE_EQ(forecast.left(1000).value(), 0);
  forecast.finished(1, 300);
  EXPECT_FALSE(forecast.left(300));
}

TEST(Progress, WhatWasThereAlreadyCostsNothing) {
  Forecast forecast;
  forecast.skip(0.5, 1);
  EXPECT_FALSE(forecast.left(1));
  forecast.finished(0.75, 11);
  EXPECT_DOUBLE_EQ(forecast.left(11).value(), 10);
}

TEST(Progress, ALineNeverExceedsItsColumns) {
  for (std::size_t columns = 1; columns < 120; ++columns)
    for (const std::optional<double> left : {std::optional<double>(), std::optional<double>(1234)})
      EXPECT_LE(display_width(progress_line("writing weights", 0.5, left, columns)), columns);
  EXPECT_EQ(progress_line("a", 0.5, 12.0, 40), "a ██████████···········  50 %, 12 s left");
}

}  // namespace
}  // namespace trinity::terminal
