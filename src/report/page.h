// The look of the laboratory's HTML reports: one style sheet, for light and dark, wide and narrow
// screens, keyboards and printers.
#pragma once

#include <string>
#include <string_view>

namespace trinity {

/// The document around `body`: head with the style, nothing that is loaded from elsewhere.
std::string report_page(std::string_view title, std::string_view body);

}  // namespace trinity
