#include "terminal/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/output_place.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::terminal {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) { return excerpt(path.string(), 1024); }

/// What models and bundles consist of. Whatever else lies in their folders, as a report of an
/// earlier run does, may be replaced.
bool is_part_of_input(const fs::path& name) {
  constexpr std::array names = {"config.json",
                                "generation_config.json",
                                "tokenizer.json",
                                "tokenizer_config.json",
                                "special_tokens_map.json",
                                "added_tokens.json",
                                "vocab.json",
                                "merges.txt",
                                "chat_template.jinja",
                                "model.safetensors.index.json",
                                "manifest.json",
                                "export.log.jsonl",
                                "synth.sha256"};
  return name.extension() == ".safetensors" ||
         std::find(names.begin(), names.end(), name.filename().string()) != names.end();
}

/// The path from `folder` to what `path` leads to; empty when that is not inside.
fs::path inside(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path to = fs::weakly_canonical(path, error);
  if (error) return {};
  const fs::path from = fs::canonical(folder, error);
  if (error) return {};
  const fs::path relative = to.lexically_relative(from);
  return relative.empty() || relative == "." || *relative.begin() == ".." ? fs::path() : relative;
}

Status require_not_read(const NamedPath& output, const NamedPath& input) {
  if (same_place(output.path, input.path))
    return fail(ErrorKind::usage, "output_is_input",
                fmt::format("{} would replace {}, which {} reads; choose another file", output.flag,
                            shown(output.path), input.flag));
  std::error_code error;
  if (!fs::is_directory(input.path, error) || !fs::is_regular_file(output.path, error)) return {};
  if (const fs::path name = inside(output.path, input.path);
      !name.empty() && is_part_of_input(name))
    return fail(ErrorKind::usage, "output_is_input",
                fmt::format("{} would replace {} in the folder that {} reads; choose another file",
                            output.flag, shown(name), input.flag));
  return {};
}

/// Results and a file in one file would overwrite each other. A name such as /dev/stdout is meant.
Status require_not_stdout(const NamedPath& output) {
  struct stat there {};
  struct stat results {};
  if (::stat(output.path.c_str(), &there) != 0 || ::fstat(STDOUT_FILENO, &results) != 0 ||
      !S_ISREG(there.st_mode) || there.st_dev != results.st_dev || there.st_ino != results.st_ino)
    return {};
  const auto place = find_output_place(output.path);
  if (!place || place->stream) return {};
  return fail(
      ErrorKind::usage, "output_is_stdout",
      fmt::format("{} names {}, which standard output is redirected to; choose another file",
                  output.flag, shown(output.path)));
}

}  // namespace

Status check_outputs(const std::vector<NamedPath>& outputs, const std::vector<NamedPath>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].path.empty()) continue;
    for (const NamedPath& input : inputs)
      if (!input.path.empty()) TRINITY_CHECK(require_not_read(outputs[i], input));
    for (std::size_t j = 0; j < i; ++j)
      if (!outputs[j].path.empty() && same_place(outputs[j].path, outputs[i].path))
        return fail(ErrorKind::usage, "output_named_twice",
                    fmt::format("{} and {} name the same file, {}; choose another for one of them",
                                outputs[j].flag, outputs[i].flag, shown(outputs[i].path)));
    TRINITY_CHECK(require_not_stdout(outputs[i]));
  }
  for (const NamedPath& output : outputs) {
    if (output.path.empty()) continue;
    if (Status probed = probe_output(output.path); !probed)
      return fail_in(output.flag, std::move(probed.error()));
  }
  return {};
}

Status check_output_folder(const NamedPath& folder, const std::vector<NamedPath>& inputs,
                           const std::function<bool(const fs::path& name)>& writes) {
  for (const NamedPath& input : inputs) {
    if (input.path.empty() || folder.path.empty()) continue;
    const bool same = same_place(folder.path, input.path);
    const fs::path name = same ? fs::path() : inside(input.path, folder.path);
    if (same || (!name.empty() && writes(name)))
      return fail(ErrorKind::usage, "output_is_input",
                  fmt::format("{} would replace what {} reads, {}; choose another folder",
                              folder.flag, input.flag, shown(input.path)));
  }
  return {};
}

Status write_output(const fs::path& file, std::string_view text) {
  TRINITY_TRY(AtomicFile out, AtomicFile::create(file, Replace::target));
  TRINITY_CHECK(out.write(text));
  return out.commit();
}

void make_default_folder(const fs::path& file) {
  std::error_code ignored;  // what fails here fails again when the file is written
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), ignored);
}

}  // namespace trinity::terminal
