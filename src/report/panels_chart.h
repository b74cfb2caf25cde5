// Many spectra as one picture that stands alone: a panel each, with offsets along the singular
// values and, where they were computed, the values before and after.
#pragma once

#include <string>
#include <vector>

#include "report/text.h"

namespace trinity::report {

struct SpectrumPanel {
  std::string title, facts;
  std::vector<float> offsets;
  std::string remark;                 // under the offsets, or in their place
  std::vector<double> before, after;  // descending; empty: not computed
};

/// A whole SVG document. All panels share the scale of their offsets.
std::string spectra_svg(const std::vector<SpectrumPanel>& panels, const std::string& title);

}  // namespace trinity::report
