// Expressions: the longest run of numbers, operators and their words ("times", "squared") that
// reads as one.
//
// The grammar, loosest first: + -, * / mod, sign, ^ (from the right), ! and %.
#include <fmt/format.h>

#include <algorithm>

#include "reckoner/solver.h"

namespace trinity::reckoner {
namespace {

constexpr std::size_t kLongestExpression = 300;  // tokens
constexpr int kDeepest = 60;

/// A number or an operator: + - * / m(od) ^ ! % ( ).
struct Piece {
  char mark = 'n';
  Fraction value;
  std::string text;
};

constexpr std::pair<std::string_view, int> kNumberWords[] = {
    {"zero", 0}, {"one", 1},     {"two", 2},    {"three", 3}, {"four", 4},
    {"five", 5}, {"six", 6},     {"seven", 7},  {"eight", 8}, {"nine", 9},
    {"ten", 10}, {"eleven", 11}, {"twelve", 12}};

enum class Trouble { none, grammar, zero, size };

class Parser {
 public:
  Parser(const std::vector<Piece>& pieces, std::size_t begin, std::size_t end, Care care)
      : pieces_(pieces), at_(begin), end_(end), care_(care) {}

  std::optional<Fraction> parse() {
    const std::optional<Fraction> value = terms(0);
    if (value && at_ != end_) trouble_ = Trouble::grammar;
    return trouble_ == Trouble::none ? value : std::nullopt;
  }
  Trouble trouble() const { return trouble_; }

 private:
  char mark() const { return at_ < end_ ? pieces_[at_].mark : '\0'; }

  std::optional<Fraction> fails(Trouble trouble) {
    // What stands wrong comes before what cannot be computed.
    if (trouble_ != Trouble::grammar) trouble_ = trouble;
    return std::nullopt;
  }

  std::optional<Fraction> apply(char op, const Fraction& a, const Fraction& b) {
    if ((op == '/' || op == 'm') && b.numerator == 0) return fails(Trouble::zero);
    std::optional<Fraction> value;
    switch (op) {
      case '+':
        value = sum(a, b);
        break;
      case '-':
        value = difference(a, b);
        break;
      case '*':
        value = product(a, b);
        break;
      case '/':
        value = quotient(a, b);
        break;
      case 'm':
        value = remainder(a, b);
        break;
      default:
        value = power(a, b);
        break;
    }
    return value ? value : fails(Trouble::size);
  }

  std::optional<Fraction> terms(int depth) {
    std::optional<Fraction> left = factors(depth);
    while (left && (mark() == '+' || mark() == '-' ||
                    (care_ == Care::hasty && (mark() == '*' || mark() == '/')))) {
      const char op = pieces_[at_++].mark;
      const std::optional<Fraction> right = factors(depth);
      left = right ? apply(op, *left, *right) : std::nullopt;
    }
    return left;
  }

  std::optional<Fraction> factors(int depth) {
    std::optional<Fraction> left = signed_power(depth);
    while (left && care_ == Care::careful && (mark() == '*' || mark() == '/' || mark() == 'm')) {
      const char op = pieces_[at_++].mark;
      const std::optional<Fraction> right = signed_power(depth);
      left = right ? apply(op, *left, *right) : std::nullopt;
    }
    if (left && care_ == Care::hasty && mark() == 'm') {
      ++at_;
      const std::optional<Fraction> right = signed_power(depth);
      left = right ? apply('m', *left, *right) : std::nullopt;
    }
    return left;
  }

  std::optional<Fraction> signed_power(int depth) {
    if (depth > kDeepest) return fails(Trouble::grammar);
    if (mark() == '-' || mark() == '+') {
      const bool negative = pieces_[at_++].mark == '-';
      std::optional<Fraction> value = signed_power(depth + 1);
      if (value && negative) value->numerator = -value->numerator;
      return value;
    }
    const std::optional<Fraction> base = postfix(depth);
    if (!base || mark() != '^') return base;
    ++at_;
    const std::optional<Fraction> exponent = signed_power(depth + 1);
    return exponent ? apply('^', *base, *exponent) : std::nullopt;
  }

  std::optional<Fraction> postfix(int depth) {
    std::optional<Fraction> value = primary(depth);
    while (value && (mark() == '!' || mark() == '%')) {
      if (pieces_[at_++].mark == '%') {
        value = quotient(*value, {100, 1});
        continue;
      }
      if (!value->is_whole() || value->numerator < 0) return fails(Trouble::grammar);
      if (value->numerator > 40) return fails(Trouble::size);
      Fraction factorial{1, 1};
      for (Wide i = 2; i <= value->numerator; ++i) {
        const auto next = product(factorial, {i, 1});
        if (!next) return fails(Trouble::size);
        factorial = *next;
      }
      value = factorial;
    }
    return value;
  }

  std::optional<Fraction> primary(int depth) {
    if (depth > kDeepest) return fails(Trouble::grammar);
    if (mark() == 'n') return pieces_[at_++].value;
    if (mark() != '(') return fails(Trouble::grammar);
    ++at_;
    const std::optional<Fraction> value = terms(depth + 1);
    if (!value) return std::nullopt;
    if (mark() != ')') return fails(Trouble::grammar);
    ++at_;
    return value;
  }

  const std::vector<Piece>& pieces_;
  std::size_t at_, end_;
  Care care_;
  Trouble trouble_ = Trouble::none;
};

/// The question as pieces; what is no part of an expression is a piece of mark '?'.
std::vector<Piece> pieces_of(const Question& question) {
  std::vector<Piece> pieces;
  const std::vector<Token>& tokens = question.tokens;
  const auto word_at = [&](std::size_t i) {
    return i < tokens.size() ? std::string_view(tokens[i].text) : std::string_view();
  };
  const auto is_number = [&](std::size_t i) {
    return i < tokens.size() && (tokens[i].kind == Token::Kind::number || tokens[i].text == "(");
  };
  const auto add = [&](char mark) { pieces.push_back({mark, {}, std::string(1, mark)}); };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind == Token::Kind::number) {
      pieces.push_back({'n', token.value, token.text});
      continue;
    }
    const std::string_view word = token.text;
    const auto number = std::find_if(std::begin(kNumberWords), std::end(kNumberWords),
                                     [&](const auto& one) { return one.first == word; });
    if (number != std::end(kNumberWords)) {
      pieces.push_back({'n', {number->second, 1}, std::to_string(number->second)});
    } else if (word == "*" && word_at(i + 1) == "*") {
      add('^');
      ++i;
    } else if (word == "%") {
      if (word_at(i + 1) == "of") {
        add('%');
        add('*');
        ++i;
      } else if (is_number(i + 1)) {
        pieces.push_back({'m', {}, "mod"});
      } else {
        add('%');
      }
    } else if (word == "percent") {
      add('%');
      if (word_at(i + 1) == "of") {
        add('*');
        ++i;
      }
    } else if (word.size() == 1 && std::string_view("+-*/^!()").find(word) != std::string::npos) {
      add(word[0]);
    } else if (word == "plus") {
      add('+');
    } else if (word == "minus") {
      add('-');
    } else if (word == "times" || (word == "x" && is_number(i + 1))) {
      add('*');
    } else if (word == "multiplied" && word_at(i + 1) == "by") {
      add('*');
      ++i;
    } else if (word == "divided" && word_at(i + 1) == "by") {
      add('/');
      ++i;
    } else if (word == "mod" || word == "modulo") {
      pieces.push_back({'m', {}, "mod"});
    } else if (word == "squared" || word == "cubed") {
      add('^');
      pieces.push_back({'n', {word == "squared" ? 2 : 3, 1}, word == "squared" ? "2" : "3"});
    } else if (word == "to" && word_at(i + 1) == "the" && word_at(i + 2) == "power") {
      add('^');
      i += word_at(i + 3) == "of" ? 3 : 2;
    } else {
      pieces.push_back({'?', {}, {}});
    }
  }
  return pieces;
}

std::string written(const std::vector<Piece>& pieces, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    const bool tight = text.empty() || pieces[i].mark == ')' || pieces[i].mark == '!' ||
                       pieces[i].mark == '%' || pieces[i - 1].mark == '(' ||
                       pieces[i].mark == '^' || pieces[i - 1].mark == '^' ||
                       (pieces[i - 1].mark == '-' && (i - 1 == begin || pieces[i - 2].mark == '('));
    if (!tight) text += ' ';
    text += pieces[i].text;
  }
  return text;
}

}  // namespace

std::optional<Solution> solve_expression(const Question& question, Care care) {
  const std::vector<Piece> pieces = pieces_of(question);
  std::size_t best_begin = 0, best_end = 0;
  Trouble trouble = Trouble::none;
  std::optional<Fraction> value;
  for (std::size_t begin = 0; begin < pieces.size();) {
    std::size_t stop = begin;
    while (stop < pieces.size() && pieces[stop].mark != '?' && stop - begin < kLongestExpression)
      ++stop;
    for (std::size_t first = begin; first < stop; ++first) {
      if (pieces[first].mark != 'n' && pieces[first].mark != '(' && pieces[first].mark != '-')
        continue;
      for (std::size_t end = stop; end > first + 1 && end - first > best_end - best_begin; --end) {
        const bool has_operator =
            std::any_of(pieces.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                        pieces.begin() + static_cast<std::ptrdiff_t>(end), [](const Piece& piece) {
                          return piece.mark != 'n' && piece.mark != '(' && piece.mark != ')';
                        });
        if (!has_operator) break;
        Parser parser(pieces, first, end, care);
        const std::optional<Fraction> parsed = parser.parse();
        if (!parsed && parser.trouble() == Trouble::grammar) continue;
        best_begin = first;
        best_end = end;
        value = parsed;
        trouble = parser.trouble();
        break;
      }
    }
    begin = std::max(stop, begin) + 1;
  }
  if (best_end == 0) return std::nullopt;
  Solution solution;
  const std::string expression = written(pieces, best_begin, best_end);
  solution.task = "evaluate " + expression;
  if (value) {
    solution.answer = text_of(*value);
    solution.steps.push_back(fmt::format("{} = {}", expression, solution.answer));
  } else {
    solution.refusal = trouble == Trouble::zero
                           ? fmt::format("{} divides by zero and has no value", expression)
                           : fmt::format(
                                 "{} is not a fraction of numbers of at most 38 digits, "
                                 "and I do not round",
                                 expression);
  }
  return solution;
}

}  // namespace trinity::reckoner
