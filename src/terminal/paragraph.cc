#include "terminal/paragraph.h"

#include <fmt/format.h>

#include <algorithm>

namespace trinity::cli {
namespace {

constexpr std::size_t kNarrowest = 16;  // columns of a line; below it a hanging indent is given up

/// Fills lines word by word.
class Lines {
 public:
  Lines(std::string_view begin, std::size_t begin_columns, Style style, std::size_t hanging)
      : out_(begin), used_(begin_columns), style_(style), hanging_(hanging) {
    if (style.prose_columns() < hanging + kNarrowest) hanging_ = 2;
    if (begin_columns + kNarrowest / 2 > style.prose_columns()) next_line();
  }

  void add(const Cell& part) {
    const std::string text = printable(part.text);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      if (end > at) word(std::string_view(text).substr(at, end - at), part.look);
      space_ = space_ || end < text.size();
      at = end + 1;
    }
  }

  std::string finish() {
    flush();
    return std::move(out_) + "\n";
  }

 private:
  void word(std::string_view text, Look look) {
    const std::size_t width = display_width(text);
    const bool apart = space_ && !fresh_;
    if (used_ + (apart ? 1 : 0) + width > style_.prose_columns() && apart)
      next_line();
    else if (apart)
      put(" ", look == look_ ? look : nullptr, 1);
    space_ = false;
    while (used_ + display_width(text) > style_.prose_columns()) {
      const std::size_t room = style_.prose_columns() - std::min(style_.prose_columns(), used_);
      const std::size_t bytes = bytes_within(text, room);
      if (bytes == 0 && fresh_) break;  // a line holds no character; nothing can be done
      put(text.substr(0, bytes), look, display_width(text.substr(0, bytes)));
      text.remove_prefix(bytes);
      next_line();
    }
    put(text, look, display_width(text));
  }

  void put(std::string_view text, Look look, std::size_t width) {
    if (look != look_) flush();
    look_ = look;
    run_ += text;
    used_ += width;
    fresh_ = false;
  }

  void flush() {
    out_ += look_ != nullptr ? (style_.*look_)(run_) : run_;
    run_.clear();
  }

  void next_line() {
    flush();
    while (out_.ends_with(' ')) out_.pop_back();
    out_ += "\n" + std::string(hanging_, ' ');
    used_ = hanging_;
    fresh_ = true;
    space_ = false;
  }

  std::string out_;
  std::size_t used_;
  Style style_;
  std::size_t hanging_;
  std::string run_;  // words of one look that are not in `out_` yet
  Look look_ = nullptr;
  bool fresh_ = true;   // nothing on this line
  bool space_ = false;  // before the next word
};

}  // namespace

std::string paragraph_after(std::string_view begin, std::size_t begin_columns,
                            const std::vector<Cell>& parts, Style style, std::size_t hanging) {
  Lines lines(begin, begin_columns, style, hanging);
  for (const Cell& part : parts) lines.add(part);
  return lines.finish();
}

std::string paragraph(const std::vector<Cell>& parts, Style style, std::size_t indent,
                      std::size_t hanging) {
  return paragraph_after(std::string(indent, ' '), indent, parts, style, hanging);
}

std::string fact(std::string_view name, std::size_t columns, const std::vector<Cell>& parts,
                 Style style) {
  const std::string shown = printable(name);
  const std::size_t width = std::max(columns, display_width(shown));
  const std::string begin = "  " + shown + std::string(width - display_width(shown), ' ');
  return paragraph_after(begin, 2 + width, parts, style, 2 + columns);
}

std::string counted(std::size_t count, std::string_view noun, std::string_view many) {
  if (count == 1) return fmt::format("1 {}", noun);
  return many.empty() ? fmt::format("{} {}s", count, noun) : fmt::format("{} {}", count, many);
}

std::string listed(const std::vector<std::string>& words, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i)
    out += (i == 0 ? "" : ", ") + printable(words[i]);
  return words.size() > most ? out + fmt::format(" and {} more", words.size() - most) : out;
}

}  // namespace trinity::cli
