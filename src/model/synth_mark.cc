#include "model/synth_mark.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"

namespace trinity::model {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxMarkBytes = size_t{1} << 16;
constexpr size_t kHexDigits = 64;

tl::unexpected<Error> not_synthetic(const fs::path& folder, const std::string& why) {
  return fail(
      ErrorKind::usage, "not_a_synthetic_folder",
      fmt::format("{} {}; nothing was written: choose another folder", folder.string(), why));
}

/// Whether anything lies there apart from what a killed writer left.
Result<bool> holds_files(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder, error) && !error) return false;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (!is_temporary_name(at->path().filename().string())) return true;
  if (error)
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("the folder {} cannot be used ({}); choose another one",
                            folder.string(), error.message()));
  return false;
}

std::vector<MarkedFile> parse_mark(std::string_view text) {
  std::vector<MarkedFile> files;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() > kHexDigits + 2 && line.substr(kHexDigits, 2) == "  ")
      files.push_back(
          {std::string(line.substr(kHexDigits + 2)), std::string(line.substr(0, kHexDigits))});
  }
  return files;
}

}  // namespace

Result<std::vector<MarkedFile>> read_synth_mark(const fs::path& folder,
                                                const std::vector<std::string>& names) {
  TRINITY_TRY(const bool used, holds_files(folder));
  if (!used) return std::vector<MarkedFile>();
  const auto text = read_text_file(folder / kSynthMarkFile, kMaxMarkBytes);
  if (!text)
    return not_synthetic(
        folder,
        fmt::format("holds files that synth did not write (there is no {})", kSynthMarkFile));
  std::vector<MarkedFile> marked = parse_mark(*text);
  for (const std::string& name : names) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(folder / name, ignored))) continue;
    const auto hash = sha256_file(folder / name);
    const bool known = hash && std::any_of(marked.begin(), marked.end(), [&](const auto& file) {
                         return file.name == name && file.sha256 == *hash;
                       });
    if (!known)
      return not_synthetic(folder, fmt::format("holds a {} that synth did not write", name));
  }
  return marked;
}

Status write_synth_mark(const fs::path& folder, const std::vector<MarkedFile>& files) {
  std::string text;
  for (const MarkedFile& file : files) text += fmt::format("{}  {}\n", file.sha256, file.name);
  return write_file_atomic(folder / kSynthMarkFile, text);
}

}  // namespace trinity::model
