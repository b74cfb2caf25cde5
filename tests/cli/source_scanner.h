// A scanner of C++ sources for constructs that this project does not allow.
//
// It works on the code alone: comments, string and character literals are blanked first, and a
// construct counts only where it is not part of a longer name.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::testing {

/// The text with comments and the insides of literals replaced by spaces; line feeds stay.
inline std::string code_only(std::string_view text) {
  std::string code(text);
  const auto blank = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end && i < code.size(); ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
  };
  const auto end_of = [&](std::string_view mark, std::size_t from) {
    const std::size_t at = text.find(mark, from);
    return at == std::string_view::npos ? text.size() : at + mark.size();
  };
  const auto is_name = [&](std::size_t at) {
    return at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_');
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text.substr(at, 2) == "//") {
      end = text.find('\n', at);
      if (end == std::string_view::npos) end = text.size();
      blank(at, end);
    } else if (text.substr(at, 2) == "/*") {
      end = end_of("*/", at + 2);
      blank(at, end);
    } else if (text.substr(at, 2) == "R\"") {
      const std::size_t open = text.find('(', at);
      std::string close(text.substr(at + 1, open - at - 1));  // the quote, then the delimiter
      close.front() = ')';
      close.push_back('"');
      end = end_of(close, open);
      blank(at + 2, end - 1);
    } else if (text[at] == '"' || (text[at] == '\'' && (at == 0 || !is_name(at - 1)))) {
      // A quote after a digit separates digits: 1'000'000.
      while (end < text.size() && text[end] != text[at] && text[end] != '\n') {
        end += text[end] == '\\' ? 2 : 1;
      }
      ++end;
      blank(at + 1, end - 1);
    }
    at = end;
  }
  return code;
}

/// Lines (from 1) of code that contain `construct`, not as part of a longer name.
inline std::vector<std::size_t> find_construct(std::string_view text, std::string_view construct) {
  const std::string code = code_only(text);
  const auto is_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  std::vector<std::size_t> lines;
  for (std::size_t at = code.find(construct); at != std::string::npos;
       at = code.find(construct, at + 1)) {
    const std::size_t end = at + construct.size();
    const bool longer_before = at > 0 && is_name(construct.front()) && is_name(code[at - 1]);
    const bool longer_behind = end < code.size() && is_name(construct.back()) && is_name(code[end]);
    if (longer_before || longer_behind) continue;
    std::size_t line = 1;
    for (std::size_t i = 0; i < at; ++i) line += code[i] == '\n' ? 1 : 0;
    lines.push_back(line);
  }
  return lines;
}

}  // namespace trinity::testing
