#include "cli/terminal/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/terminal/terminal.h"

namespace trinity::cli {

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)),
      shown_(is_terminal(STDERR_FILENO)),
      started_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  if (!shown_ || total == 0 || (drawn_ && done < total && now - last_ < 100ms)) return;
  last_ = now;
  drawn_ = true;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const int room = std::clamp(terminal_columns() - static_cast<int>(label_.size()) - 24, 8, 40);
  const int filled = static_cast<int>(part * room);
  std::string bar;
  for (int i = 0; i < room; ++i) bar += i < filled ? "█" : "·";
  const double elapsed = std::chrono::duration<double>(now - started_).count();
  // A forecast from less than this is a guess.
  const bool foreseeable = part > 0.02 && part < 1 && elapsed > 1;
  const std::string left =
      foreseeable ? fmt::format(", {:.0f} s left", elapsed / part * (1 - part)) : "";
  fmt::print(stderr, "\r{} {} {:3.0f} %{}\x1b[K", label_, bar, part * 100, left);
}

}  // namespace trinity::cli
