// A report as one HTML page that opens from the disk: no scripts, no fonts, nothing is loaded. It
// is read in the light and in the dark, on narrow screens, with the keyboard and by ear: every
// table and chart lies in a box of its own that scrolls, has a name and can be reached.
#pragma once

#include <string>

#include "report/document.h"

namespace trinity::report {

std::string render_html(const Document& document);

}  // namespace trinity::report
