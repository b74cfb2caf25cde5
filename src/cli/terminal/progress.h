// A progress bar on standard error, for long work on a terminal; silent everywhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace trinity::cli {

class ProgressBar {
 public:
  /// `label` says what is being done.
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Redraws at most ten times a second; says how long the rest will take once that is known.
  void update(std::uint64_t done, std::uint64_t total);
  /// Takes the bar off the screen, so that a line may be printed; the next update draws it again.
  void clear();

 private:
  std::string label_;
  bool shown_;  // standard error is a terminal
  bool drawn_ = false;
  std::chrono::steady_clock::time_point started_, last_;
};

}  // namespace trinity::cli
