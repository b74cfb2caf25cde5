// A bundle or router vector as a picture: one panel a tensor, in canonical order, with its offsets
// along the singular values and, where they were computed, the spectra before and after.
#pragma once

#include <string>

#include "bundle/inspect.h"

namespace trinity::cli {

/// Whether there is anything to draw.
bool has_chart(const BundlePicture& picture);

/// A whole SVG document. All panels share the scale of their offsets.
std::string inspect_chart(const BundlePicture& picture, const std::string& title);

}  // namespace trinity::cli
