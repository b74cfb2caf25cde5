// A run for people: each turn as it happens, then the answer, set apart.
//
// A text is shown as it comes: words fill lines, a line of the text stays a line, and what a
// terminal would obey is shown as an escape.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "console/run_log.h"
#include "terminal/output.h"
#include "terminal/terminal.h"

namespace trinity::console {

/// Text that comes in pieces, as lines behind a mark. Pieces may end anywhere between characters.
class FlowingText {
 public:
  FlowingText(std::string mark, std::size_t mark_columns, report::Style style,
              report::Look look = report::Look::plain);

  /// What can be printed now: all but the last word, which may go on.
  std::string add(std::string_view piece);
  /// The rest, and the end of the line.
  std::string finish();

 private:
  void put_word(std::string& out);
  void begin_line(std::string& out);
  void end_line(std::string& out);

  std::string mark_;
  std::size_t mark_columns_;
  report::Style style_;
  report::Look look_;
  std::string word_, spaces_;
  std::size_t used_ = 0;
  std::size_t blank_lines_ = 0;  // printed only when something follows
  bool in_line_ = false, begun_ = false;
};

class TurnView : public RunListener {
 public:
  /// The output and the pool must outlive it. With `live`, texts are written as they come.
  TurnView(terminal::Output& output, const provider::Pool& pool, report::Style style, bool live)
      : output_(output), pool_(pool), style_(style), live_(live) {}

  void turn_begins(const TurnFacts& turn) override;
  void call_begins(const TurnFacts& turn, const CallFacts& call) override;
  void call_ends(const TurnFacts& turn, const CallFacts& call) override;
  void turn_ends(const TurnFacts& turn) override;
  void text(std::string_view piece);

  /// What became of writing.
  const Status& state() const { return state_; }

 private:
  void write(const std::string& text);

  terminal::Output& output_;
  const provider::Pool& pool_;
  report::Style style_;
  bool live_;
  std::optional<FlowingText> flowing_;
  Status state_;
};

/// "512 + 80 tokens, $0.0012, 340 ms"
std::string spent_text(const coordinate::Usage& usage, std::optional<double> cost_usd,
                       std::optional<double> ms);
/// "$0.0012"; as many decimals as the sum needs.
std::string money_text(double usd);
/// An answer, set apart from the turns.
std::string answer_text(std::string_view answer, report::Style style);

}  // namespace trinity::console
