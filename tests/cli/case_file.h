// Files of cases (`tests/cli/cases/*.case`): calls of the program with what they print, as text.
//
//   # What the file shows.
//
//   + in/notes.txt                       a file to make, and its lines
//   | first line
//
//   $ route --threads -1 'two words'     a call; quotes as in a shell, "\n" and "\xFF" in double
//   ones
//   @ TRINITY_BATCH=4                    its environment
//   < {"text":"abc"}                     its standard input, a line each
//   = 2                                  the exit status; without it 0
//   > a line of standard output
//   ! a line of standard error
//
// In expected lines "…" stands for any text of the line, and as the whole line for any number of
// lines. {here} is the folder in which the file's calls run, {model} that of a small model with
// random weights; both are the same names in what is expected. Everything printed is compared: a
// call without ">" prints nothing.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/run_program.h"

namespace trinity::testing {

struct CaseStep {
  std::vector<std::string> before;  // comments, blank lines and files, as they stand in the file
  std::map<std::string, std::string> files;
  std::string call;  // the words as they are written
  Environment environment;
  std::string input;
  int status = 0;
  std::vector<std::string> out, err;
};

struct CaseFile {
  std::vector<CaseStep> steps;
  std::vector<std::string> end;  // what follows the last call
};

/// Throws std::runtime_error with the line that is not understood.
CaseFile parse_cases(const std::string& text);
std::string text_of(const CaseFile& file);

/// The text with every {name} replaced by its value.
std::string with_names(std::string text, const std::map<std::string, std::string>& names);

/// The words of a call; every {name} is replaced by its value.
Words words_of(const std::string& call, const std::map<std::string, std::string>& names);

/// Whether lines are those that are expected, "…" being what it is.
bool matches(const std::vector<std::string>& expected, const std::vector<std::string>& lines);

}  // namespace trinity::testing
