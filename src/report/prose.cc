#include "report/prose.h"

#include <algorithm>

#include "base/printable.h"
#include "base/utf8.h"

namespace trinity::report {
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

  void add(const Text& part) {
    const std::string text =
        part.most_bytes == 0 ? printable(part.text) : excerpt(part.text, part.most_bytes);
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
      put(" ", look == look_ ? look : Look::plain, 1);
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
    out_ += style_.paint(look_, run_);
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
  Look look_ = Look::plain;
  bool fresh_ = true;   // nothing on this line
  bool space_ = false;  // before the next word
};

}  // namespace

std::string paragraph_after(std::string_view begin, std::size_t begin_columns,
                            const std::vector<Text>& parts, Style style, std::size_t hanging) {
  Lines lines(begin, begin_columns, style, hanging);
  for (const Text& part : parts) lines.add(part);
  return lines.finish();
}

std::string paragraph(const std::vector<Text>& parts, Style style, std::size_t indent,
                      std::size_t hanging) {
  return paragraph_after(std::string(indent, ' '), indent, parts, style, hanging);
}

std::string fact(std::string_view name, std::size_t columns, const std::vector<Text>& parts,
                 Style style, std::size_t indent) {
  const std::string shown = printable(name);
  const std::size_t width = std::max(columns, display_width(shown));
  const std::string begin =
      std::string(indent, ' ') + shown + std::string(width - display_width(shown), ' ');
  return paragraph_after(begin, indent + width, parts, style, indent + columns);
}

}  // namespace trinity::report
