#include "hub/pin.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hub/safe_path.h"

namespace trinity::hub {
namespace {

constexpr JsonLimits kLimits = {.max_depth = 16, .max_bytes = std::size_t{16} << 20};
constexpr std::size_t kMaxMirrors = 32;
constexpr const char* kManifestName = "manifest.json";

tl::unexpected<Error> invalid_pin(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_pin", "this is no usable pin: " + what);
}

Result<const Json*> required(const Json& object, const char* key) {
  const Json* const found = object.find(key);
  if (found == nullptr)
    return fail(ErrorKind::invalid_input, "missing_pin_key",
                std::string("the pin lacks the key \"") + key + "\"; take a complete one");
  return found;
}

/// Null when the key is absent or its value is null: both say that nothing is stated.
const Json* optional(const Json& object, const char* key) {
  const Json* const found = object.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::string> text_of(const Json& value, const char* key) {
  if (!value.is_string()) return invalid_pin(std::string("\"") + key + "\" must be a string");
  return value.as_string();
}

Result<PinFile> parse_file(const Json& entry) {
  if (!entry.is_object()) return invalid_pin("an entry of \"files\" must be an object");
  PinFile file;
  TRINITY_TRY(const Json* path, required(entry, "path"));
  TRINITY_TRY(file.path, text_of(*path, "path"));
  TRINITY_TRY(const Json* sha256, required(entry, "sha256"));
  if (!sha256->is_null()) {
    TRINITY_TRY(file.sha256, text_of(*sha256, "sha256"));
  }
  if (const Json* size = optional(entry, "size")) {
    if (!size->is_number_unsigned()) return invalid_pin("\"size\" must be a number of bytes");
    file.size = size->as_uint64();
  }
  return file;
}

Result<Pin> pin_of(const Json& root) {
  if (!root.is_object()) return invalid_pin("it must be a JSON object");
  TRINITY_TRY(const Json* version, required(root, "version"));
  if (!version->is_number_integer() || *version != 1)
    return fail(
        ErrorKind::invalid_input, "unsupported_pin_version",
        "the pin's version is " + excerpt(json_text(*version)) + "; this program reads version 1");
  Pin pin;
  pin.repo.type = RepoType::dataset;
  TRINITY_TRY(const Json* id, required(root, "repo_id"));
  TRINITY_TRY(pin.repo.id, text_of(*id, "repo_id"));
  TRINITY_TRY(const Json* revision, required(root, "revision"));
  TRINITY_TRY(pin.repo.revision, text_of(*revision, "revision"));
  if (const Json* type = optional(root, "repo_type")) {
    TRINITY_TRY(const std::string name, text_of(*type, "repo_type"));
    TRINITY_TRY(pin.repo.type, parse_repo_type(name));
  }
  if (const Json* hash = optional(root, "manifest_sha256")) {
    TRINITY_TRY(pin.manifest_sha256, text_of(*hash, "manifest_sha256"));
  }
  if (const Json* mirrors = optional(root, "mirrors")) {
    if (!mirrors->is_array()) return invalid_pin("\"mirrors\" must be a list");
    for (const Json& mirror : *mirrors) {
      TRINITY_TRY(std::string text, text_of(mirror, "mirrors"));
      pin.mirrors.push_back(std::move(text));
    }
  }
  TRINITY_TRY(const Json* files, required(root, "files"));
  if (!files->is_array()) return invalid_pin("\"files\" must be a list");
  for (const Json& entry : *files) {
    TRINITY_TRY(PinFile file, parse_file(entry));
    pin.files.push_back(std::move(file));
  }
  TRINITY_CHECK(require_valid_pin(pin));
  return pin;
}

}  // namespace

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Status require_valid_pin(const Pin& pin) {
  TRINITY_CHECK(require_valid_repo(pin.repo));
  if (pin.files.empty()) return invalid_pin("it names no file");
  if (pin.files.size() > kMaxPinFiles) return invalid_pin("it names more than 100000 files");
  if (pin.mirrors.size() > kMaxMirrors) return invalid_pin("it names more than 32 mirrors");
  std::vector<std::string> paths;
  for (const PinFile& file : pin.files) {
    paths.push_back(file.path);
    if (file.sha256 && !is_sha256_hex(*file.sha256))
      return invalid_pin("the sha256 of \"" + excerpt(file.path) +
                         "\" must be 64 lower-case hexadecimal digits, or null");
  }
  TRINITY_CHECK(require_safe_paths(paths));
  if (pin.manifest_sha256.empty()) return {};
  if (!is_sha256_hex(pin.manifest_sha256))
    return invalid_pin("\"manifest_sha256\" must be 64 lower-case hexadecimal digits");
  const auto manifest = std::find_if(pin.files.begin(), pin.files.end(),
                                     [](const PinFile& f) { return f.path == kManifestName; });
  if (manifest == pin.files.end())
    return invalid_pin("it states \"manifest_sha256\" but names no file manifest.json");
  if (manifest->sha256 && *manifest->sha256 != pin.manifest_sha256)
    return invalid_pin("\"manifest_sha256\" and the sha256 of the file manifest.json differ");
  return {};
}

Result<Pin> parse_pin(std::string_view text) {
  auto root = parse_json(text, kLimits);
  if (!root) return invalid_pin(root.error().message);
  return pin_of(*root);
}

Result<Pin> load_pin(const std::filesystem::path& path) {
  TRINITY_TRY(const std::string text, read_text_file(path, kLimits.max_bytes));
  auto pin = parse_pin(text);
  if (!pin) return fail_in(path.string(), pin.error());
  return pin;
}

std::string pin_json(const Pin& pin) {
  Json files = Json::array();
  for (const PinFile& file : pin.files) {
    Json entry = {{"path", file.path}, {"sha256", nullptr}};
    if (file.sha256) entry["sha256"] = *file.sha256;
    if (file.size) entry["size"] = *file.size;
    files.push_back(std::move(entry));
  }
  Json root = {{"version", 1}, {"repo_id", pin.repo.id}};
  if (pin.repo.type != RepoType::dataset) root["repo_type"] = repo_type_name(pin.repo.type);
  root["revision"] = pin.repo.revision;
  if (!pin.manifest_sha256.empty()) root["manifest_sha256"] = pin.manifest_sha256;
  if (!pin.mirrors.empty()) root["mirrors"] = pin.mirrors;
  root["files"] = std::move(files);
  return json_text(root, 2) + "\n";
}

}  // namespace trinity::hub
