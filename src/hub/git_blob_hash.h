// The name that git gives to a file's content: SHA-1 of "blob <size>\0" and the bytes.
//
// A hub names small files by it. It tells a damaged file from a whole one; against somebody who can
// choose the content it proves nothing, for which pins have SHA-256.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace trinity::hub {

/// 40 lower-case hexadecimal digits.
std::string git_blob_hash(std::span<const std::byte> content);

/// Errors: those of MappedFile::open.
Result<std::string> git_blob_hash_of_file(const std::filesystem::path& path);

}  // namespace trinity::hub
