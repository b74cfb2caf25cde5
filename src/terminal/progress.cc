#include "terminal/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/printable.h"
#include "terminal/terminal.h"

namespace trinity::terminal {

void Forecast::skip(double share, double seconds) {
  begin_.share += share - last_.share;
  begin_.seconds += seconds - last_.seconds;
  last_ = {share, seconds};
}

void Forecast::finished(double share, double seconds) { last_ = {share, seconds}; }

std::optional<double> Forecast::left(double seconds) const {
  constexpr double enough_share = 0.02, enough_seconds = 1;  // less than this is a guess
  const double share = last_.share - begin_.share;
  const double spent = last_.seconds - begin_.seconds;
  if (share < enough_share || spent < enough_seconds || last_.share >= 1) return std::nullopt;
  return std::max(0.0, spent / share * (1 - last_.share) - (seconds - last_.seconds));
}

std::string progress_line(const std::string& label, double share,
                          std::optional<double> seconds_left, std::size_t columns) {
  constexpr std::size_t shortest_bar = 8, longest_bar = 40;
  std::string end = fmt::format("{:3.0f} %", share * 100);
  if (seconds_left) end += fmt::format(", {:.0f} s left", *seconds_left);
  const std::size_t taken = display_width(label) + 1 + display_width(end) + 1;
  if (taken + shortest_bar > columns) return printable(label + " " + end, columns);
  const std::size_t room = std::min(columns - taken, longest_bar);
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(room));
  std::string bar;
  for (std::size_t i = 0; i < room; ++i) bar += i < filled ? "█" : "·";
  return label + " " + bar + " " + end;
}

ProgressBar::ProgressBar(std::string label, bool in_pieces)
    : label_(std::move(label)),
      in_pieces_(in_pieces),
      shown_(is_terminal(STDERR_FILENO)),
      started_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

double ProgressBar::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void ProgressBar::piece_finished(bool skipped) {
  skipped ? forecast_.skip(share_, seconds()) : forecast_.finished(share_, seconds());
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  using namespace std::chrono_literals;
  if (!shown_ || total == 0) return;
  share_ = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  if (!in_pieces_) piece_finished();
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && done < total && now - last_ < 100ms) return;
  last_ = now;
  drawn_ = true;
  // The last column stays free: a terminal that is written to its edge may begin a new line.
  const std::size_t columns = terminal_columns(STDERR_FILENO) - 1;
  fmt::print(stderr, "\r{}\x1b[K",
             progress_line(label_, share_, forecast_.left(seconds()), columns));
}

}  // namespace trinity::terminal
