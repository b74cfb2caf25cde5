// Reads a pattern into its program.
#include <algorithm>
#include <string>
#include <utility>

#include "base/pattern_code.h"
#include "base/try.h"

namespace trinity::pattern {
namespace {

constexpr std::size_t kMostInstructions = 4'000;
constexpr int kMostRepeats = 1'000, kMostDepth = 100;
constexpr char32_t kLast = 0x10FFFF;

using Kind = Instruction::Kind;

Ranges opposite(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  Ranges out;
  char32_t next = 0;
  for (const Range& range : ranges) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = std::max<char32_t>(next, range.last + 1);
  }
  if (next <= kLast) out.push_back({next, kLast});
  return out;
}

/// Of \d, \w, \s and their opposites; empty for another letter.
Ranges class_of(char32_t letter) {
  Ranges ranges;
  switch (letter | 0x20) {
    case 'd':
      ranges = {{'0', '9'}};
      break;
    case 'w':
      ranges = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
      break;
    case 's':
      ranges = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
      break;
    default:
      return {};
  }
  return letter & 0x20 ? ranges : opposite(std::move(ranges));
}

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_pattern", "the pattern " + what);
}
tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorKind::unsupported, "unsupported_pattern", "the pattern " + what);
}

/// Reads a pattern into code. Jumps are counted from the piece's own beginning until it is placed.
class Compiler {
 public:
  explicit Compiler(std::u32string text) : text_(std::move(text)) {}

  Result<Code> compile() {
    TRINITY_TRY(Code code, alternatives(0));
    if (at_ < text_.size()) return invalid("has a \")\" without its \"(\"");
    code.push_back({});
    return code;
  }

 private:
  bool more() const { return at_ < text_.size(); }
  bool take(char32_t c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  static void append(Code& code, const Code& piece) {
    const std::size_t shift = code.size();
    for (Instruction one : piece) {
      one.to += shift;
      one.other += shift;
      code.push_back(std::move(one));
    }
  }

  Result<Code> alternatives(int depth) {
    if (depth > kMostDepth) return unsupported("has too many groups in each other");
    TRINITY_TRY(Code code, sequence(depth));
    while (take('|')) {
      TRINITY_TRY(const Code other, sequence(depth));
      Code both = {{Kind::split, 1, code.size() + 2}};
      append(both, code);
      both.push_back({Kind::jump, both.size() + 1 + other.size()});
      append(both, other);
      code = std::move(both);
      TRINITY_CHECK(bearable(code.size()));
    }
    return code;
  }

  Result<Code> sequence(int depth) {
    Code code;
    while (more() && text_[at_] != '|' && text_[at_] != ')') {
      TRINITY_TRY(Code piece, atom(depth));
      TRINITY_TRY(piece, quantified(std::move(piece)));
      TRINITY_CHECK(bearable(code.size() + piece.size()));
      append(code, piece);
    }
    return code;
  }

  static Status bearable(std::size_t size) {
    if (size <= kMostInstructions) return {};
    return unsupported("is too large; ask for less repetition");
  }

  Result<Code> atom(int depth) {
    const char32_t c = text_[at_++];
    switch (c) {
      case '^':
        return Code{{Kind::begin}};
      case '$':
        return Code{{Kind::end}};
      case '.':
        return one_of(opposite({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
      case '(':
        return group(depth);
      case '[':
        return character_class();
      case '\\':
        return escape();
      case '*':
      case '+':
      case '?':
        return invalid("has a quantifier with nothing before it");
      default:
        return one_of({{c, c}});
    }
  }

  static Code one_of(Ranges ranges) { return {{Kind::one_of, 0, 0, std::move(ranges)}}; }

  Result<Code> group(int depth) {
    if (take('?')) {
      if (take('<') && more() && text_[at_] != '=' && text_[at_] != '!') {
        while (more() && text_[at_] != '>') ++at_;  // a name, which nobody asks for
        if (!take('>')) return invalid("has a group whose name does not end");
      } else if (!take(':')) {
        return unsupported("looks ahead or behind (\"(?=\", \"(?!\", \"(?<\"), which is not done");
      }
    }
    TRINITY_TRY(Code code, alternatives(depth + 1));
    if (!take(')')) return invalid("has a \"(\" without its \")\"");
    return code;
  }

  Result<char32_t> hex(int digits) {
    char32_t value = 0;
    for (int n = 0; n < digits; ++n, ++at_) {
      const char32_t c = more() ? text_[at_] : U'x';
      const char32_t lower = c | 0x20;
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + (lower - 'a' + 10);
      } else {
        return invalid("has a \\x or \\u without its hexadecimal digits");
      }
    }
    return value;
  }

  /// The character that an escape stands for, its letter taken already.
  Result<char32_t> escaped(char32_t c) {
    switch (c) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'f':
        return U'\f';
      case 'v':
        return U'\v';
      case '0':
        return U'\0';
      case 'x':
        return hex(2);
      case 'u': {
        TRINITY_TRY(const char32_t first, hex(4));
        if (first < 0xD800 || first > 0xDBFF || at_ + 1 >= text_.size() || text_[at_] != '\\' ||
            text_[at_ + 1] != 'u')
          return first;
        at_ += 2;
        TRINITY_TRY(const char32_t second, hex(4));
        return 0x10000 + ((first - 0xD800) << 10) + (second & 0x3FF);
      }
      default:
        if (c < 0x80 && is_word(c))
          return unsupported("has an escape \\" + std::string(1, static_cast<char>(c)) +
                             ", which is not known here");
        return c;
    }
  }

  Result<Code> escape() {
    if (!more()) return invalid("ends with a backslash");
    const char32_t c = text_[at_++];
    if (c == 'b') return Code{{Kind::edge}};
    if (c == 'B') return Code{{Kind::no_edge}};
    if (Ranges ranges = class_of(c); !ranges.empty()) return one_of(std::move(ranges));
    TRINITY_TRY(const char32_t point, escaped(c));
    return one_of({{point, point}});
  }

  /// A character or class between brackets.
  Status member(Ranges& ranges, bool& is_class) {
    const char32_t c = text_[at_++];
    is_class = false;
    if (c != '\\') {
      ranges.push_back({c, c});
      return {};
    }
    if (!more()) return invalid("ends with a backslash");
    const char32_t letter = text_[at_++];
    if (const Ranges known = class_of(letter); !known.empty()) {
      ranges.insert(ranges.end(), known.begin(), known.end());
      is_class = true;
      return {};
    }
    char32_t point = '\b';
    if (letter != 'b') {
      TRINITY_TRY(point, escaped(letter));
    }
    ranges.push_back({point, point});
    return {};
  }

  Result<Code> character_class() {
    const bool is_opposite = take('^');
    Ranges ranges;
    while (more() && text_[at_] != ']') {
      bool is_class = false;
      TRINITY_CHECK(member(ranges, is_class));
      if (is_class || at_ + 1 >= text_.size() || text_[at_] != '-' || text_[at_ + 1] == ']')
        continue;
      ++at_;
      const char32_t first = ranges.back().first;
      ranges.pop_back();
      const std::size_t before = ranges.size();
      TRINITY_CHECK(member(ranges, is_class));
      if (is_class) {  // "[a-\d]": three members
        ranges.push_back({first, first});
        ranges.push_back({'-', '-'});
      } else if (ranges[before].first < first) {
        return invalid("has a range in the wrong order");
      } else {
        ranges[before].first = first;
      }
    }
    if (!take(']')) return invalid("has a \"[\" without its \"]\"");
    return one_of(is_opposite ? opposite(std::move(ranges)) : std::move(ranges));
  }

  /// {n}, {n,} or {n,m}; false: the brace is a character.
  bool counts(int& least, int& most) {
    std::size_t n = at_;
    const auto number = [&](int& value) {
      const std::size_t begin = n;
      for (value = 0; n < text_.size() && text_[n] >= '0' && text_[n] <= '9'; ++n)
        value = std::min(value * 10 + static_cast<int>(text_[n] - '0'), kMostRepeats + 1);
      return n > begin;
    };
    if (n >= text_.size() || text_[n++] != '{' || !number(least)) return false;
    most = least;
    if (n < text_.size() && text_[n] == ',') {
      ++n;
      if (!number(most)) most = -1;
    }
    if (n >= text_.size() || text_[n] != '}') return false;
    at_ = n + 1;
    return true;
  }

  Result<Code> quantified(Code piece) {
    int least = 0, most = -1;
    if (take('*')) {
    } else if (take('+')) {
      least = 1;
    } else if (take('?')) {
      most = 1;
    } else if (!counts(least, most)) {
      return piece;
    }
    take('?');  // lazy: finds the same
    if (most >= 0 && most < least) return invalid("has a quantifier whose numbers are swapped");
    if (least > kMostRepeats || most > kMostRepeats)
      return unsupported("repeats something more than 1,000 times");
    const std::size_t copies = static_cast<std::size_t>(most < 0 ? least + 1 : most);
    TRINITY_CHECK(bearable(copies * (piece.size() + 2)));
    Code code;
    for (int n = 0; n < least; ++n) append(code, piece);
    if (most < 0) {
      const std::size_t loop = code.size();
      code.push_back({Kind::split, loop + 1, loop + 2 + piece.size()});
      append(code, piece);
      code.push_back({Kind::jump, loop});
    }
    for (int n = least; n < most; ++n) {
      code.push_back({Kind::split, code.size() + 1, code.size() + 1 + piece.size()});
      append(code, piece);
    }
    if (more() && (text_[at_] == '*' || text_[at_] == '+' || text_[at_] == '?'))
      return invalid("has two quantifiers behind each other");
    return code;
  }

  std::u32string text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Code> compile(const std::u32string& text) { return Compiler(text).compile(); }

bool is_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

}  // namespace trinity::pattern
