// What people and programs see of a pull.
#pragma once

#include <chrono>
#include <string>

#include "hub/pull.h"

namespace trinity::cli {

/// One line on standard error that follows a pull, on a terminal only: files, bytes and rate.
class PullLine {
 public:
  PullLine();
  ~PullLine();
  PullLine(const PullLine&) = delete;
  PullLine& operator=(const PullLine&) = delete;
  void update(const hub::PullProgress& progress);

 private:
  bool shown_;
  bool drawn_ = false;
  std::uint64_t first_bytes_ = 0;  // there when the rate began to count
  std::chrono::steady_clock::time_point started_;
};

/// "2/11 files  31 %  412.0/1330.2 MB  23.4 MB/s  39 s left  model.safetensors", at most `columns`
/// wide. `fetched` bytes came in `seconds`.
std::string progress_text(const hub::PullProgress& progress, std::uint64_t fetched, double seconds,
                          int columns);

/// The whole report as one JSON object.
std::string pull_json(const hub::Pin& pin, const hub::PullReport& report, double seconds);

/// "trinity pull ok — 11 files into DIR (repo R @ REV)" and a line about bytes and where they came
/// from.
std::string pull_text(const hub::Pin& pin, const hub::PullReport& report, double seconds);

/// The command to go on with, as a line: for a bundle the one that checks it, for a model the one
/// that fetches a bundle. Empty for other files.
std::string next_step(const hub::PullReport& report);

/// A word that a shell reads as this one, quoted where that is needed.
std::string shell_word(const std::string& word);

}  // namespace trinity::cli
