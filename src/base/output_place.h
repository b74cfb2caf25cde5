// Where an output goes: what a name leads to, and whether it can be written, found out before there
// is anything to write.
//
// A name may lead through links to a regular file, to none yet, or to something that bytes are
// handed to: a pipe, a device, a terminal, a descriptor of this process. Only regular files are
// ever replaced.
#pragma once

#include <sys/stat.h>
#include <trinity/error.h>

#include <filesystem>
#include <optional>

#include "base/file.h"

namespace trinity {

struct OutputPlace {
  std::filesystem::path named;          // as it was given
  std::filesystem::path path;           // with its links followed; of a stream as it was given
  std::optional<struct stat> replaced;  // the regular file (or the link) that stands there
  bool stream = false;                  // written straight into
  int descriptor = -1;                  // of this process, when the name is one's; else -1
};

/// Looks and opens nothing. Errors: `missing_folder`, `unwritable_file`, `read_only_file`.
Result<OutputPlace> find_output_place(const std::filesystem::path& named,
                                      Replace replace = Replace::target);

/// Whether an output can go there, tried out: for a file a temporary one is made beside it and
/// removed; a pipe is not opened, since its reader would take that for the end. Errors: those of
/// find_output_place.
Status probe_output(const std::filesystem::path& named);

/// Whether writing the one would change the other: both lead to one regular file or folder, or, as
/// far as they do not exist yet, will do so. Pipes and devices are nobody's.
bool same_place(const std::filesystem::path& one, const std::filesystem::path& other);

}  // namespace trinity
