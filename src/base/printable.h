// Foreign text on a terminal: file names, ids, prompts and messages that somebody else wrote.
//
// A terminal obeys some characters instead of showing them (it sets its title, clears itself, takes
// a report for typed input), and others are invisible or turn the order of what stands around them.
// All of them are shown here as escapes that can be read: "\x1b", "\n", "\u202e". What is left
// takes a known number of columns, so that tables stay in line and nothing is cut inside a
// character. Everything that the program prints and did not write itself goes through one of these
// functions; JSON is for programs and stays exact.
//
// Tested by tests/base/printable_test.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trinity {

/// The text with escapes for: ill-formed UTF-8 ("\xff", byte by byte), control characters C0, DEL
/// and C1, direction marks, overrides and isolates, characters without width (joiners, fillers,
/// byte order marks, tags) and the separators of lines and paragraphs. Combining marks stay.
/// Printing what was made printable changes nothing any more.
std::string printable(std::string_view text);

/// The same cut to `columns`; "…" in the last one stands for what is missing.
std::string printable(std::string_view text, std::size_t columns);

/// Columns that a text takes on a terminal once it is printable: wide East Asian characters and
/// emoji take two, combining marks none.
std::size_t display_width(std::string_view text);

/// Bytes of the longest start of a printable text that takes at most `columns`.
std::size_t bytes_within(std::string_view text, std::size_t columns);

/// A printable text that holds right-to-left letters, wrapped in an isolate (U+2068 … U+2069), so
/// that columns after it stay where they are; any other text as it is. It takes no more columns.
std::string isolated(std::string text);

}  // namespace trinity
