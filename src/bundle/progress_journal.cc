// See the header for the format. Tested by tests/bundle/journal_test.cc, which cuts a journal at
// every byte and fills the disk under one.
#include "bundle/progress_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"

namespace trinity::bundle {
namespace {

constexpr size_t kMaxJournalBytes = size_t{16} << 20;  // as a manifest
constexpr size_t kHashLength = 64;

std::string first_line(const std::string& manifest_sha256) {
  return "trinity journal 1 of " + manifest_sha256;
}

tl::unexpected<Error> write_failed(const std::filesystem::path& path, const char* why) {
  return fail(ErrorKind::failed, "write_failed",
              fmt::format("cannot write {} ({}); make room on the disk and continue with --resume",
                          excerpt(path.string(), 1024), why));
}

/// The entry of a whole line; nothing when it is damaged.
std::optional<ManifestTensor> entry_of(std::string_view line) {
  if (line.size() <= kHashLength || line[kHashLength] != ' ') return std::nullopt;
  const std::string_view text = line.substr(kHashLength + 1);
  if (sha256_hex(text) != line.substr(0, kHashLength)) return std::nullopt;
  const auto json = parse_json(text);
  if (!json) return std::nullopt;
  auto entry = parse_manifest_tensor(*json, 0);
  if (!entry) return std::nullopt;
  return std::move(*entry);
}

}  // namespace

Result<ProgressJournal> ProgressJournal::begin(const std::filesystem::path& folder) {
  std::filesystem::path path = folder / kJournalFile;
  TRINITY_TRY(const std::string manifest, sha256_file(folder / kManifestFile));
  TRINITY_CHECK(write_file_atomic(path, first_line(manifest) + "\n", Durability::later));
  Descriptor descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!descriptor.is_open()) return write_failed(path, std::strerror(errno));
  return ProgressJournal(std::move(path), std::move(descriptor));
}

Status ProgressJournal::append(const ManifestTensor& entry, bool native) {
  const std::string text = json_text(tensor_document(entry, native));
  const std::string line = sha256_hex(text) + " " + text + "\n";
  for (size_t done = 0; done < line.size();) {
    const ssize_t count = ::write(descriptor_.get(), line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return write_failed(path_, count < 0 ? std::strerror(errno) : "no room");
    done += static_cast<size_t>(count);
  }
  return {};
}

void apply_journal(const std::filesystem::path& folder, const std::string& manifest_sha256,
                   Manifest& manifest) {
  const auto path = resolve_inside(folder, kJournalFile);
  if (!path) return;
  const auto text = read_text_file(*path, kMaxJournalBytes);
  if (text) apply_journal_text(*text, manifest_sha256, manifest);
}

void apply_journal_text(std::string_view journal, const std::string& manifest_sha256,
                        Manifest& manifest) {
  bool begun = false;
  while (true) {
    const size_t end = journal.find('\n');
    if (end == std::string_view::npos) return;  // cut short
    const std::string_view line = journal.substr(0, end);
    journal.remove_prefix(end + 1);
    if (!std::exchange(begun, true)) {
      if (line != first_line(manifest_sha256)) return;
      continue;
    }
    auto entry = entry_of(line);
    if (!entry || !entry->complete() || entry->index < 1 ||
        static_cast<size_t>(entry->index) > manifest.tensors.size())
      return;
    ManifestTensor& place = manifest.tensors[static_cast<size_t>(entry->index) - 1];
    const TensorIdentity& before = place;
    if (before != static_cast<const TensorIdentity&>(*entry)) return;
    place = std::move(*entry);
  }
}

void remove_journal(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove(folder / kJournalFile, ignored);
}

}  // namespace trinity::bundle
