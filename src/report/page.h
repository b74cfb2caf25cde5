// The look of reports as pages: one style sheet, for light and dark, wide and narrow
// screens, keyboards and printers.
#pragma once

#include <string>
#include <string_view>

namespace trinity::report {

/// The document around `body`: head with the style, nothing that is loaded from elsewhere.
std::string page_around(std::string_view title, std::string_view body);

}  // namespace trinity::report
