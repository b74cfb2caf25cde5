// The mark that `synth` leaves in a folder, by which a later run knows its own files.
//
// synth.sha256 has a line "<hash>  <name>" for each file, as sha256sum reads them. Files of a model
// that somebody trained or fetched have no such line, so they are never taken for random weights.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>
#include <vector>

namespace trinity::model {

inline constexpr const char* kSynthMarkFile = "synth.sha256";

struct MarkedFile {
  std::string name;
  std::string sha256;
};

/// What may be replaced in the folder: nothing of one that is absent or empty, else what its mark
/// says, if all of it that is still there is unchanged. `names` are the files that will be written.
/// Errors: `not_a_synthetic_folder` (usage: no mark, or a file of these names that is not the
/// marked one), `unwritable_file` (the folder cannot be read).
Result<std::vector<MarkedFile>> read_synth_mark(const std::filesystem::path& folder,
                                                const std::vector<std::string>& names);

/// Replaces the mark.
Status write_synth_mark(const std::filesystem::path& folder, const std::vector<MarkedFile>& files);

}  // namespace trinity::model
