// Files that a command writes beside what it prints.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>

namespace trinity::cli {

/// Makes the folder that a file is to lie in; what fails here fails again when the file is written.
void make_parent_folder(const std::filesystem::path& file);

/// Replaces the file in one step, in a folder that is made when needed. Errors: those of
/// write_file_atomic.
Status write_report_file(const std::filesystem::path& file, const std::string& text);

}  // namespace trinity::cli
