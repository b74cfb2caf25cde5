#include "cli/terminal/report_file.h"

#include "base/file.h"

namespace trinity::cli {

void make_parent_folder(const std::filesystem::path& file) {
  std::error_code ignored;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
}

Status write_report_file(const std::filesystem::path& file, const std::string& text) {
  make_parent_folder(file);
  return write_file_atomic(file, text);
}

}  // namespace trinity::cli
