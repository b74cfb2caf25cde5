// Names, files and judgement of a manifest; see manifest_reader.cc and manifest_writer.cc for JSON.
#include "bundle/manifest.h"

#include <fmt/format.h>

#include <ctime>

#include "base/file.h"
#include "base/foreign_file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/progress_journal.h"

namespace trinity::bundle {
namespace {

constexpr size_t kMaxManifestBytes = size_t{16} << 20;

}  // namespace

const char* artifact_layout_name(ArtifactLayout layout) {
  switch (layout) {
    case ArtifactLayout::checkpoint_directory:
      return "checkpoint_directory";
    case ArtifactLayout::single_file:
      return "single_file";
    case ArtifactLayout::factor_directory:
      return "factor_directory";
  }
  return "unknown";
}

const char* tensor_status_name(TensorStatus status) {
  switch (status) {
    case TensorStatus::pending:
      return "pending";
    case TensorStatus::running:
      return "running";
    case TensorStatus::complete:
      return "complete";
    case TensorStatus::failed:
      return "failed";
  }
  return "unknown";
}

Result<Manifest> load_manifest(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    return fail(ErrorKind::missing, "invalid_output_dir",
                fmt::format("there is no bundle folder at {}", excerpt(folder.string(), 1024)));
  std::error_code unreadable;
  static_cast<void>(std::filesystem::exists(folder / kManifestFile, unreadable));
  if (unreadable)
    return fail(ErrorKind::failed, "unreadable_folder",
                fmt::format("the bundle folder {} cannot be read ({}); check its permissions",
                            excerpt(folder.string(), 1024), unreadable.message()));
  TRINITY_TRY(const auto file, resolve_inside(folder, kManifestFile));
  auto text = read_json_file(file, kMaxManifestBytes);
  if (!text && text.error().tag == "missing_file")
    return fail(ErrorKind::missing, "missing_manifest",
                fmt::format("{} has no manifest.json; it is no bundle, or its export never began",
                            excerpt(folder.string(), 1024)));
  if (!text) return tl::unexpected(std::move(text.error()));
  auto manifest = parse_manifest(*text);
  if (!manifest) return fail_in(folder.string(), std::move(manifest.error()));
  if (!manifest->progress.export_complete) apply_journal(folder, sha256_hex(*text), *manifest);
  return manifest;
}

Status save_manifest(const std::filesystem::path& folder, Manifest& manifest) {
  manifest.progress.updated_at = utc_now();
  return write_file_atomic(folder / kManifestFile, manifest_json(manifest));
}

Status require_complete(const Manifest& manifest) {
  if (manifest.artifact_version != 1)
    return fail(ErrorKind::unsupported, "unsupported_artifact_version",
                fmt::format("unsupported artifact version {}; this program reads version 1",
                            manifest.artifact_version));
  if (manifest.progress.partial_debug_only || manifest.progress.status != "complete" ||
      !manifest.progress.export_complete)
    return fail(ErrorKind::invalid_input, "incomplete_artifact",
                fmt::format("the bundle is not complete (status {}); finish it with "
                            "trinity export --resume",
                            excerpt(manifest.progress.status)));
  return {};
}

std::string manifest_type(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "{:f, 64}";
    case DType::f32:
      return "{:f, 32}";
    case DType::f16:
      return "{:f, 16}";
    case DType::bf16:
      return "{:bf, 16}";
    case DType::i64:
      return "{:s, 64}";
    case DType::i32:
      return "{:s, 32}";
    case DType::i16:
      return "{:s, 16}";
    case DType::i8:
      return "{:s, 8}";
    case DType::u64:
      return "{:u, 64}";
    case DType::u32:
      return "{:u, 32}";
    case DType::u16:
      return "{:u, 16}";
    default:
      return "{:u, 8}";
  }
}

std::optional<DType> parse_manifest_type(std::string_view text) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32,
                            DType::i16, DType::i8, DType::u64, DType::u32, DType::u16, DType::u8})
    if (text == manifest_type(dtype)) return dtype;
  return std::nullopt;
}

std::string checkpoint_file_name(int64_t index, std::string_view path) {
  std::string name = fmt::format("checkpoints/{:04}_", index);
  for (const char c : path) {
    const bool kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      c == '.' || c == '_' || c == '-';
    const bool continuation = (static_cast<unsigned char>(c) & 0xC0u) == 0x80u;
    if (kept)
      name += c;
    else if (!continuation)  // one underscore a character, however many bytes it has
      name += '_';
  }
  return name + ".safetensors";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace trinity::bundle
