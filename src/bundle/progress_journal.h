// What a run has finished since it last wrote its manifest: one appended line a tensor.
//
// A manifest is as long as its list of tensors, so writing it again after every one of them would
// cost the square of their number. A run therefore saves it at its beginning and its end and keeps
// a journal between, `manifest.journal`: a first line that names the manifest it continues by its
// hash, then for every finished tensor the entry that the manifest is going to hold, as JSON behind
// the JSON's own SHA-256. A line is appended only after the tensor's file has its name. Whoever
// loads the manifest of an unfinished bundle gets the journal's entries in it; whoever saves it
// removes the journal, which then says nothing more.
//
// A run that is killed loses no finished tensor. What a kill or a full disk cuts short is known by
// its hash, and by the line that does not end; it and whatever follows are dropped. A journal of
// another manifest is what is left of a run that was killed between saving and removing: it says
// nothing that the manifest does not. As with the tensors' files, the disk may be behind after a
// power cut; a tensor is then computed again.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "bundle/manifest.h"

namespace trinity::bundle {

class ProgressJournal {
 public:
  /// Begins the journal of the manifest that lies in the folder, in place of any other. Errors:
  /// those of write_file_atomic and sha256_file.
  static Result<ProgressJournal> begin(const std::filesystem::path& folder);

  /// Appends a finished tensor. Error: `write_failed`.
  Status append(const ManifestTensor& entry, bool native);

 private:
  ProgressJournal(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  std::filesystem::path path_;
  Descriptor descriptor_;
};

/// Puts the entries of the folder's journal into the manifest, whose file has this hash. Without a
/// journal of that manifest nothing changes.
void apply_journal(const std::filesystem::path& folder, const std::string& manifest_sha256,
                   Manifest& manifest);

/// The same for a journal in memory.
void apply_journal_text(std::string_view journal, const std::string& manifest_sha256,
                        Manifest& manifest);

void remove_journal(const std::filesystem::path& folder);

}  // namespace trinity::bundle
