// Prose for a terminal, broken between words so that the terminal does not break it inside of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/text.h"

namespace trinity::report {

/// Parts of a text, each with a look of its own, as lines of at most the style's columns; ends in a
/// line feed. Foreign text is made printable. A word that is longer than a line is broken. The
/// first line starts with `indent` spaces, the others with `hanging`.
std::string paragraph(const std::vector<Text>& parts, Style style, std::size_t indent = 2,
                      std::size_t hanging = 2);

/// The same after a beginning that is written already and takes `begin_columns`.
std::string paragraph_after(std::string_view begin, std::size_t begin_columns,
                            const std::vector<Text>& parts, Style style, std::size_t hanging);

/// "  name            what is to be said, which goes on under itself": `columns` is the width of
/// the name's column.
std::string fact(std::string_view name, std::size_t columns, const std::vector<Text>& parts,
                 Style style, std::size_t indent = 2);

}  // namespace trinity::report
