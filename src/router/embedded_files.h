// The files of the embedded tiny router (models/tiny).
#pragma once

#include <span>

#include "base/embedded_file.h"

namespace trinity::router {

/// Empty in a build without models/tiny.
std::span<const EmbeddedFile> embedded_files();

}  // namespace trinity::router
