// A progress bar on standard error, for long work on a terminal; silent everywhere else.
//
// How long the rest will take is told from pieces that were finished: the end of a piece says what
// the work so far has cost, the middle of one does not, where its first half (a decomposition) is
// slow and its second half (the rows that are counted) is fast.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace trinity::terminal {

/// From shares of the whole that were finished at some time to the time of the rest.
class Forecast {
 public:
  /// A share that cost nothing now: it was there already.
  void skip(double share, double seconds);
  /// All of `share` (of 1) was finished `seconds` after the begin.
  void finished(double share, double seconds);
  /// Seconds that are left; nothing while that would be a guess, and after the end.
  std::optional<double> left(double seconds) const;

 private:
  struct Point {
    double share = 0, seconds = 0;
  };
  Point begin_, last_;
};

/// "adapting ████····  45 %, 12 s left" in at most `columns` columns: the bar is the first to go.
std::string progress_line(const std::string& label, double share,
                          std::optional<double> seconds_left, std::size_t columns);

class ProgressBar {
 public:
  /// `label` says what is being done. With `in_pieces`, times are told from the ends of pieces
  /// alone, which `piece_finished` marks.
  explicit ProgressBar(std::string label, bool in_pieces = false);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Redraws at most ten times a second; says how long the rest will take once that is known.
  void update(std::uint64_t done, std::uint64_t total);
  /// What was last told to `update` is the end of a piece; a `skipped` one was there already.
  void piece_finished(bool skipped = false);
  /// Takes the bar off the screen, so that a line may be printed; the next update draws it again.
  void clear();

 private:
  double seconds() const;

  std::string label_;
  bool in_pieces_;
  bool shown_;  // standard error is a terminal
  bool drawn_ = false;
  double share_ = 0;
  Forecast forecast_;
  std::chrono::steady_clock::time_point started_, last_;
};

/// A listener that updates the bar, which must outlive it.
inline auto shown_by(ProgressBar& bar) {
  return [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); };
}

}  // namespace trinity::terminal
