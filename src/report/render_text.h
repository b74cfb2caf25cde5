// A report as text for a terminal: sections apart by an empty line, tables no wider than it.
//
// Charts and what is meant for a page alone are left out; the verdict comes last, where the eye is.
#pragma once

#include <string>

#include "report/document.h"

namespace trinity::report {

std::string render_text(const Document& document, Style style);
/// One section, for reports whose sections are printed as they come about.
std::string render_text(const Section& section, Style style);

}  // namespace trinity::report
