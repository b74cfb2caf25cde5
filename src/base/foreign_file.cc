#include "base/foreign_file.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/file.h"
#include "base/regular_file.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr std::size_t kBeginning = 512;

constexpr const char* kPointer =
    "is a Git LFS pointer, not the file itself; fetch the file with `git lfs pull` or `trinity "
    "pull`";
constexpr const char* kPage =
    "is a web page (a sign-in or error page, most likely), not the file itself; fetch it again, "
    "for example with `trinity pull`";

constexpr const char* kPickle =
    "is a Python pickle, as torch.save writes it; save the model as safetensors (save_pretrained)";

struct Magic {
  std::string_view bytes;
  const char* meaning;
};

using std::string_view_literals::operator""sv;

constexpr std::array kMagics = {
    Magic{"version https://git-lfs.github.com/spec/"sv, kPointer},
    Magic{"version https://hawser.github.com/spec/"sv, kPointer},
    Magic{"/annex/objects/"sv,
          "is a git-annex pointer, not the file itself; fetch the file with `git annex get`"},
    Magic{"GGUF"sv,
          "is a GGUF file of llama.cpp, which trinity does not read; get the model as safetensors"},
    Magic{"PK\x03\x04"sv,
          "is a zip archive, as torch.save writes it; save the model as safetensors "
          "(save_pretrained)"},
    Magic{"\x80\x02"sv, kPickle},
    Magic{"\x80\x03"sv, kPickle},
    Magic{"\x80\x04"sv, kPickle},
    Magic{"\x80\x05"sv, kPickle},
    Magic{"\x93NUMPY"sv, "is a NumPy array (.npy)"},
    Magic{"\x89HDF\r\n"sv, "is an HDF5 file; save the model as safetensors"},
    Magic{"\x1f\x8b"sv, "is compressed with gzip; unpack it first"},
    Magic{"\x28\xb5\x2f\xfd"sv, "is compressed with zstd; unpack it first"},
    Magic{"\xfd"
          "7zXZ"sv,
          "is compressed with xz; unpack it first"},
};

/// Case does not matter and white space and a byte order mark may come first.
bool is_page(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  for (const std::string_view tag : {"<!doctype"sv, "<html"sv, "<head"sv, "<?xml"sv}) {
    const std::string_view begin = text.substr(0, tag.size());
    if (std::equal(begin.begin(), begin.end(), tag.begin(), tag.end(),
                   [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; }))
      return true;
  }
  return false;
}

bool is_text(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\r' || byte == '\t';
  });
}

}  // namespace

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<std::string> foreign_format(std::string_view beginning) {
  for (const Magic& magic : kMagics)
    if (beginning.starts_with(magic.bytes)) return magic.meaning;
  if (is_page(beginning)) return kPage;
  return std::nullopt;
}

std::optional<std::string> foreign_to_binary(std::string_view beginning) {
  if (auto known = foreign_format(beginning)) return known;
  constexpr std::size_t fewest = 8, looked_at = 16, shown = 40;
  if (beginning.size() < fewest || !is_text(beginning.substr(0, looked_at))) return std::nullopt;
  return "is a text that begins \"" + excerpt(beginning, shown) +
         "\", not the file itself; fetch it again";
}

Status refuse_foreign(const std::filesystem::path& path, std::string_view beginning) {
  const auto meaning = foreign_format(beginning);
  if (!meaning) return {};
  return fail(ErrorKind::invalid_input, "foreign_file", path.string() + " " + *meaning);
}

std::string beginning_of(const std::filesystem::path& path) {
  const auto opened = base_internal::open_regular_file(path);
  std::string bytes(kBeginning, '\0');
  const std::int64_t count =
      opened ? base_internal::read_fully(opened->descriptor.get(), bytes.data(), bytes.size()) : 0;
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

Result<std::string> read_json_file(const std::filesystem::path& path, std::size_t max_bytes) {
  auto text = read_text_file(path, max_bytes);
  if (!text) {
    // Gigabytes of weights under the name of a small file.
    if (text.error().tag == "file_too_large")
      if (auto foreign = refuse_foreign(path, beginning_of(path)); !foreign)
        return tl::unexpected(std::move(foreign.error()));
    return text;
  }
  if (auto foreign = refuse_foreign(path, *text); !foreign)
    return tl::unexpected(std::move(foreign.error()));
  return text;
}

}  // namespace trinity
