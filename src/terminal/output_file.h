// Files that a command writes because its user named them: the one door to the disk for src/cli and
// the rooms.
//
// A command asks `check_outputs` before its work, so that a place that cannot be written costs no
// work, and no output takes the place of something that the command reads. When the work is done
// the results are printed first, and then the files written, each by `write_output`.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::terminal {

/// A file or folder and the flag that named it; an empty path is a flag that was not given.
struct NamedPath {
  std::string flag;  // "--report"
  std::filesystem::path path;
};

/// Whether every output can be written, is no input and no other output. Nothing is left behind.
/// Of an input that is a folder its own files count (weights, configuration, manifest). Errors:
/// `output_is_input`, `output_named_twice`, `output_is_stdout` (all three usage), those of
/// probe_output.
Status check_outputs(const std::vector<NamedPath>& outputs, const std::vector<NamedPath>& inputs);

/// The same for a folder that a command fills: no input is that folder, or one of the files in it
/// that the command `writes` (their paths from the folder). Errors: `output_is_input`.
Status check_output_folder(const NamedPath& folder, const std::vector<NamedPath>& inputs,
                           const std::function<bool(const std::filesystem::path& name)>& writes);

/// Writes to what the name leads to: a file is replaced in one step, a pipe or device written into.
/// Errors: those of AtomicFile.
Status write_output(const std::filesystem::path& file, std::string_view text);

/// Makes the folder of a file that the user did not name, but this program.
void make_default_folder(const std::filesystem::path& file);

}  // namespace trinity::terminal
