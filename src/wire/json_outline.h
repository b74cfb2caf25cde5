// Follows JSON line by line: can what was read so far go on, and has it ended?
//
// A pushdown automaton over brackets, commas, colons and whole scalars. It refuses as soon as no
// continuation could be JSON; spelling inside strings and of numbers is left to the strict scanner.
// While it follows an array, it notes where its elements are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::wire {

class JsonOutline {
 public:
  struct Element {
    std::size_t begin, end;  // bytes of everything that was fed
    std::size_t line;        // on which it begins
  };

  /// The next line, without its line feed. False when no JSON begins like this.
  bool feed(std::string_view line, std::size_t number);

  /// The outermost bracket is closed.
  bool complete() const { return started_ && open_.empty(); }
  /// The last thing fed was a bracket that opens, or a comma: only a cut text ends so.
  bool must_go_on() const { return last_ == '{' || last_ == '[' || last_ == ','; }
  bool is_array() const { return is_array_; }
  /// Of the outermost array.
  const std::vector<Element>& elements() const { return elements_; }

 private:
  enum class Expect { value, value_or_end, key, key_or_end, colon, comma_or_end };

  void begin_value(std::size_t at, std::size_t number);
  void end_value(std::size_t at);

  std::string open_;  // brackets, outermost first
  Expect expect_ = Expect::value;
  std::vector<Element> elements_;
  std::size_t fed_ = 0;  // bytes, with a line feed after each line
  char last_ = '\0';
  bool started_ = false;
  bool is_array_ = false;
};

}  // namespace trinity::wire
