// Prose for people, broken between words so that a terminal does not break it inside of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "terminal/table.h"

namespace trinity::cli {

/// Parts of a text, each with a look of its own, as lines of at most the style's columns; ends in a
/// line feed. Foreign text is made printable. A word that is longer than a line is broken. The
/// first line starts with `indent` spaces, the others with `hanging`.
std::string paragraph(const std::vector<Cell>& parts, Style style, std::size_t indent = 2,
                      std::size_t hanging = 2);

/// The same after a beginning that is written already and takes `begin_columns`.
std::string paragraph_after(std::string_view begin, std::size_t begin_columns,
                            const std::vector<Cell>& parts, Style style, std::size_t hanging);

/// "  name            what is to be said, which goes on under itself": `columns` is the width of
/// the name's column.
std::string fact(std::string_view name, std::size_t columns, const std::vector<Cell>& parts,
                 Style style);

/// "1 file", "2 files": a count and its noun. `many` is for plurals that take more than an s.
std::string counted(std::size_t count, std::string_view noun, std::string_view many = {});

/// "a, b and 3 more": a list that may be long, each of its words made printable.
std::string listed(const std::vector<std::string>& words, std::size_t most);

}  // namespace trinity::cli
