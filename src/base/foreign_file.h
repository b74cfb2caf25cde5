// What a file is that stands in the place of another one, told by its first bytes.
//
// Model folders are copied by hand, by git and through proxies, so the file under a model's name is
// often something else: the pointer that git keeps instead of a large file, a sign-in page, weights
// of another program. A reader that knows only its own format calls all of them damaged; here each
// gets its name, and a word on what to do.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trinity {

/// What the bytes at the beginning of a file say that it is, and what to do: "is a Git LFS pointer,
/// not the file itself; run git lfs pull …". Nothing when they are not those of a known foreign
/// format.
std::optional<std::string> foreign_format(std::string_view beginning);

/// The same for a file that should be binary: any text counts as foreign and is quoted.
std::optional<std::string> foreign_to_binary(std::string_view beginning);

/// Error `foreign_file` with foreign_format's sentence.
Status refuse_foreign(const std::filesystem::path& path, std::string_view beginning);

/// The first bytes of a file, fewer when it is short; empty when it cannot be read.
std::string beginning_of(const std::filesystem::path& path);

/// read_text_file for JSON that belongs to a model. Error also `foreign_file`.
Result<std::string> read_json_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Bytes as text, for the functions above.
std::string_view as_text(std::span<const std::byte> bytes);

}  // namespace trinity
