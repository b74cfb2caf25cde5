#include "console/turn_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "console/decision_view.h"
#include "report/prose.h"
#include "report/table_text.h"

namespace trinity::console {
namespace {

using report::Look;
using report::Text;

constexpr std::size_t kIndent = 4;
constexpr std::size_t kLongestWord = 4096;  // of one that is held back until it ends
constexpr std::size_t kNarrowest = 16;

Look look_of_role(std::string_view role) {
  return role == "Worker" ? Look::good : role == "Thinker" ? Look::second : Look::warn;
}

std::string role_text(int role_id) { return role_name(role_id); }

/// "margins 3.10 over hasty, 1.20 over Thinker"
std::string margins_text(const TurnFacts& turn, const provider::Pool& pool) {
  const Decision& decision = turn.decision;
  std::string text = "margins " + margin_text(decision.margins.agent);
  if (const auto other = turn.agent_runner_up()) {
    const provider::PoolMember* member = pool.at_slot(*other);
    const bool tells = member != nullptr && member != pool.at_slot(decision.agent_id);
    text +=
        " over " + (tells ? printable(member->config.name, 24) : fmt::format("slot {}", *other));
  }
  if (const auto other = turn.role_runner_up())
    text += fmt::format(", {} over {}", margin_text(decision.margins.role), role_text(*other));
  return text;
}

}  // namespace

// ---- texts that flow ----------------------------------------------------------------------------

FlowingText::FlowingText(std::string mark, std::size_t mark_columns, report::Style style, Look look)
    : mark_(std::move(mark)), mark_columns_(mark_columns), style_(style), look_(look) {}

void FlowingText::begin_line(std::string& out) {
  for (; blank_lines_ > 0; --blank_lines_) {
    std::string blank = style_.paint(Look::faint, mark_);
    while (blank.ends_with(' ')) blank.pop_back();
    out += blank + "\n";
  }
  out += style_.paint(Look::faint, mark_);
  used_ = mark_columns_;
  in_line_ = begun_ = true;
}

void FlowingText::put_word(std::string& out) {
  if (word_.empty()) return;
  std::string shown = printable(word_);
  word_.clear();
  const std::size_t most = std::max(style_.prose_columns(), mark_columns_ + kNarrowest);
  std::size_t width = display_width(shown);
  if (in_line_ && used_ + spaces_.size() + width > most) {
    out += "\n";
    in_line_ = false;
    spaces_.clear();
  }
  if (!in_line_) begin_line(out);
  if (used_ + spaces_.size() + 1 < most) {  // spaces at the begin of a line are its indentation
    out += spaces_;
    used_ += spaces_.size();
  }
  spaces_.clear();
  while (used_ + width > most) {  // a word longer than a line
    const std::size_t bytes = bytes_within(shown, most - std::min(most, used_));
    if (bytes == 0 && used_ == mark_columns_) break;
    out += style_.paint(look_, shown.substr(0, bytes)) + "\n";
    shown.erase(0, bytes);
    width = display_width(shown);
    begin_line(out);
  }
  out += style_.paint(look_, shown);
  used_ += width;
}

void FlowingText::end_line(std::string& out) {
  put_word(out);
  spaces_.clear();
  if (in_line_) {
    out += "\n";
    in_line_ = false;
  } else if (begun_) {
    ++blank_lines_;
  }
}

std::string FlowingText::add(std::string_view piece) {
  std::string out;
  for (const char c : piece) {
    if (c == '\n') {
      end_line(out);
    } else if (c == ' ') {
      put_word(out);
      spaces_ += ' ';
    } else if (c == '\t') {
      put_word(out);
      spaces_ += "    ";
    } else if (c != '\r') {
      word_ += c;
      // Never inside a character.
      if (word_.size() >= kLongestWord && (static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        word_.pop_back();
        put_word(out);
        word_ += c;
      }
    }
  }
  return out;
}

std::string FlowingText::finish() {
  std::string out;
  put_word(out);
  if (in_line_) out += "\n";
  in_line_ = false;
  spaces_.clear();
  blank_lines_ = 0;
  return out;
}

// ---- turns --------------------------------------------------------------------------------------

void TurnView::write(const std::string& text) {
  if (state_) state_ = output_.write(text);
  if (state_) state_ = output_.flush();
}

void TurnView::turn_begins(const TurnFacts& turn) {
  std::string text =
      "\n" + paragraph({{fmt::format("turn {}", turn.number), Look::strong},
                        {fmt::format("  slot {} → ", turn.decision.agent_id)},
                        {printable(pool_.slot_label(turn.decision.agent_id), 60), Look::accent},
                        {" as "},
                        {printable(turn.role, 24), look_of_role(turn.role)}},
                       style_, 2, kIndent);
  text += paragraph({{margins_text(turn, pool_), Look::faint}}, style_, kIndent, kIndent);
  if (turn.overridden)
    text += paragraph({{"a Thinker asked for this role; the router chose "},
                       {printable(turn.raw_role, 24), look_of_role(turn.raw_role)}},
                      style_, kIndent, kIndent);
  if (turn.masked)
    text += paragraph(
        {{"the router would have a Verifier, but there is no answer to judge yet", Look::warn}},
        style_, kIndent, kIndent);
  write(text);
}

void TurnView::call_begins(const TurnFacts& turn, const CallFacts& call) {
  if (call.instead_of)
    write(paragraph(
        {{fmt::format("in the place of slot {}: slot {} → ", *call.instead_of, call.agent_id)},
         {printable(pool_.slot_label(call.agent_id), 60), Look::accent}},
        style_, kIndent, kIndent));
  flowing_.emplace("    │ ", 6, style_);
  static_cast<void>(turn);
}

void TurnView::text(std::string_view piece) {
  if (live_ && flowing_) write(flowing_->add(piece));
}

void TurnView::call_ends(const TurnFacts& turn, const CallFacts& call) {
  if (!flowing_) flowing_.emplace("    │ ", 6, style_);
  std::string text;
  if (!live_ || turn.role != "Worker") text += flowing_->add(call.text);
  text += flowing_->finish();
  flowing_.reset();
  if (call.error)
    text += paragraph({{"failed: " + printable(*call.error, 400), Look::bad}}, style_, kIndent,
                      kIndent + 2);
  if (call.cut)
    text +=
        paragraph({{"its limit of tokens ended this text", Look::warn}}, style_, kIndent, kIndent);
  std::vector<Text> spent;
  spent.push_back({call.usage || !call.error
                       ? spent_text(call.usage.value_or(coordinate::Usage()), call.cost_usd,
                                    static_cast<double>(call.ms))
                       : fmt::format("{} ms", call.ms),
                   Look::faint});
  write(text + paragraph(spent, style_, kIndent, kIndent));
}

void TurnView::turn_ends(const TurnFacts& turn) {
  std::string text;
  if (turn.verdict)
    text += paragraph({{"verdict: "},
                       {*turn.verdict == "unknown" ? "none" : *turn.verdict,
                        *turn.verdict == "accepted" ? Look::good : Look::warn}},
                      style_, kIndent, kIndent);
  if (turn.suggested_role)
    text += paragraph({{"asks for the next role: "},
                       {printable(*turn.suggested_role, 24), look_of_role(*turn.suggested_role)}},
                      style_, kIndent, kIndent);
  if (!text.empty()) write(text);
}

// ---- words --------------------------------------------------------------------------------------

std::string money_text(double usd) {
  if (usd == 0) return "$0";
  std::string text = fmt::format("{:.6f}", usd);
  while (text.ends_with('0') && text.size() - text.find('.') > 3) text.pop_back();
  return "$" + text;
}

std::string spent_text(const coordinate::Usage& usage, std::optional<double> cost_usd,
                       std::optional<double> ms) {
  std::string text =
      fmt::format("{}{} + {} tokens", usage.estimated ? "about " : "", usage.input, usage.output);
  text += cost_usd ? ", " + money_text(*cost_usd) : ", cost unknown";
  if (ms)
    text += *ms < 10'000 ? fmt::format(", {:.0f} ms", *ms) : fmt::format(", {:.1f} s", *ms / 1000);
  return text;
}

std::string answer_text(std::string_view answer, report::Style style) {
  FlowingText flowing("  ", 2, style);
  std::string text = flowing.add(answer);
  text += flowing.finish();
  if (text.empty()) text = "  " + style.paint(Look::faint, "(an empty text)") + "\n";
  const std::string line = report::rule_text(std::min<std::size_t>(style.columns(), 80), style);
  return "\n" + line + text + line;
}

}  // namespace trinity::console
