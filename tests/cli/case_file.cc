#include "cli/case_file.h"

#include <charconv>
#include <stdexcept>

namespace trinity::testing {
namespace {

constexpr const char* kEllipsis = "…";

[[noreturn]] void fail_at(std::size_t number, const std::string& what) {
  throw std::runtime_error("line " + std::to_string(number) + ": " + what);
}

/// What follows the mark: "> text" is "text", ">" is "".
std::string rest_of(const std::string& line) {
  return line.size() > 2 ? line.substr(2) : std::string();
}

std::string marked(const char* mark, const std::string& text) {
  return text.empty() ? mark : std::string(mark) + " " + text;
}

void add_attached(CaseStep& step, const std::string& line, std::size_t number) {
  const std::string rest = rest_of(line);
  const std::size_t equals = rest.find('=');
  switch (line[0]) {
    case '@':
      if (equals == std::string::npos) fail_at(number, "a variable is NAME=value");
      step.environment[rest.substr(0, equals)] = rest.substr(equals + 1);
      return;
    case '<':
      step.input += rest + "\n";
      return;
    case '=':
      if (const auto [end, error] =
              std::from_chars(rest.data(), rest.data() + rest.size(), step.status);
          error != std::errc() || end != rest.data() + rest.size())
        fail_at(number, "a status is a number");
      return;
    case '>':
      step.out.push_back(rest);
      return;
    case '!':
      step.err.push_back(rest);
      return;
    default:
      fail_at(number, "begins with none of # + | $ @ < = > !");
  }
}

/// Whether a line is what `expected` says; each "…" stands for any text.
bool line_matches(std::string_view expected, std::string_view line) {
  const std::string_view any = kEllipsis;
  std::size_t mark = expected.find(any);
  if (mark == std::string_view::npos) return expected == line;
  if (!line.starts_with(expected.substr(0, mark))) return false;
  line.remove_prefix(mark);
  expected.remove_prefix(mark + any.size());
  while ((mark = expected.find(any)) != std::string_view::npos) {
    const std::size_t at = line.find(expected.substr(0, mark));
    if (at == std::string_view::npos) return false;
    line.remove_prefix(at + mark);
    expected.remove_prefix(mark + any.size());
  }
  return line.ends_with(expected);
}

char escaped(const std::string& call, std::size_t& at) {
  const char c = call[++at];
  if (c == 'n') return '\n';
  if (c != 'x') return c;
  const int value = std::stoi(call.substr(at + 1, 2), nullptr, 16);
  at += 2;
  return static_cast<char>(value);
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.replace(at, what.size(), by), at += by.size();
}

}  // namespace

CaseFile parse_cases(const std::string& text) {
  CaseFile file;
  std::vector<std::string> before;
  std::map<std::string, std::string> files;
  std::string* open_file = nullptr;
  std::size_t number = 0;
  bool attached = false;
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (line.starts_with('$')) {
      file.steps.push_back({std::move(before), std::move(files), rest_of(line), {}, {}, 0, {}, {}});
      before.clear();
      files.clear();
      attached = true;
    } else if (line.empty() || line.starts_with('#')) {
      before.push_back(line);
      attached = false;
    } else if (line.starts_with("+ ")) {
      before.push_back(line);
      open_file = &files[rest_of(line)];
      attached = false;
    } else if (line[0] == '|') {
      if (open_file == nullptr) fail_at(number, "no file is open");
      before.push_back(line);
      *open_file += rest_of(line) + "\n";
    } else if (!attached) {
      fail_at(number, "belongs to no call");
    } else {
      add_attached(file.steps.back(), line, number);
    }
  }
  file.end = std::move(before);
  return file;
}

std::string text_of(const CaseFile& file) {
  std::string text;
  const auto add = [&text](const std::string& line) { text += line + "\n"; };
  for (const CaseStep& step : file.steps) {
    for (const std::string& line : step.before) add(line);
    add("$ " + step.call);
    for (const auto& [name, value] : step.environment) add("@ " + name + "=" + value);
    for (const std::string& line : lines_of(step.input)) add(marked("<", line));
    if (step.status != 0) add("= " + std::to_string(step.status));
    for (const std::string& line : step.out) add(marked(">", line));
    for (const std::string& line : step.err) add(marked("!", line));
  }
  for (const std::string& line : file.end) add(line);
  return text;
}

std::string with_names(std::string text, const std::map<std::string, std::string>& names) {
  for (const auto& [name, value] : names) replace_all(text, "{" + name + "}", value);
  return text;
}

Words words_of(const std::string& call, const std::map<std::string, std::string>& names) {
  Words words;
  std::string word;
  bool inside = false;
  for (std::size_t at = 0; at < call.size(); ++at) {
    const char c = call[at];
    if (c == ' ') {
      if (inside) words.push_back(word);
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (c != '\'' && c != '"') {
      word += c;
      continue;
    }
    for (++at; at < call.size() && call[at] != c; ++at)
      word += c == '"' && call[at] == '\\' ? escaped(call, at) : call[at];
    if (at == call.size()) throw std::runtime_error("a quote is not closed: " + call);
  }
  if (inside) words.push_back(word);
  for (std::string& one : words) one = with_names(std::move(one), names);
  return words;
}

bool matches(const std::vector<std::string>& expected, const std::vector<std::string>& lines) {
  // Which lines the expected ones up to here may end at.
  std::vector<bool> reached(lines.size() + 1, false);
  reached[0] = true;
  for (const std::string& one : expected) {
    std::vector<bool> next(lines.size() + 1, false);
    for (std::size_t at = 0; at <= lines.size(); ++at) {
      if (one == kEllipsis)
        next[at] = reached[at] || (at > 0 && next[at - 1]);
      else if (at > 0)
        next[at] = reached[at - 1] && line_matches(one, lines[at - 1]);
    }
    reached = std::move(next);
  }
  return reached[lines.size()];
}

}  // namespace trinity::testing
