#include "backend_plugin/shared_object.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include <cstring>

#include "backend_plugin/plugin_text.h"
#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::plugin {
namespace {

constexpr std::size_t kMaxReason = 400;

/// Copies a record out of the file; false when it lies outside.
template <typename Record>
bool read_at(std::span<const std::byte> bytes, std::uint64_t offset, Record& record) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof record) return false;
  std::memcpy(&record, bytes.data() + offset, sizeof record);
  return true;
}

/// Whether this is a 64-bit ELF shared object and every segment that will be mapped is there.
bool is_whole_shared_object(std::span<const std::byte> bytes) {
  Elf64_Ehdr header;
  if (!read_at(bytes, 0, header)) return false;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr))
    return false;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (header.e_phoff > bytes.size() ||
        !read_at(bytes, header.e_phoff + i * sizeof segment, segment))
      return false;
    if (segment.p_type == PT_LOAD &&
        (segment.p_offset > bytes.size() || bytes.size() - segment.p_offset < segment.p_filesz))
      return false;
  }
  return header.e_phnum > 0;
}

std::string last_error() {
  const char* reason = dlerror();
  return reason == nullptr ? "no reason given" : foreign_text(reason, kMaxReason);
}

}  // namespace

Result<void*> open_shared_object(const std::filesystem::path& path) {
  {
    TRINITY_TRY(const MappedFile file, MappedFile::open(path));
    if (!is_whole_shared_object(file.bytes()))
      return fail(ErrorKind::invalid_input, "plugin_not_a_library",
                  fmt::format("{} is not a complete 64-bit shared library; build the plugin again",
                              excerpt(path.string())));
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return fail(ErrorKind::invalid_input, "plugin_load_failed",
                fmt::format("{} could not be loaded: {}", excerpt(path.string()), last_error()));
  return library;
}

Result<void*> find_symbol(void* library, const char* symbol, const std::filesystem::path& path) {
  void* found = dlsym(library, symbol);
  if (found == nullptr)
    return fail(ErrorKind::invalid_input, "plugin_missing_symbol",
                fmt::format("{} exports no {}; it is no backend plugin of this program",
                            excerpt(path.string()), symbol));
  return found;
}

}  // namespace trinity::plugin
