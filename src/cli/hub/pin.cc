// trinity pin: writes the pin of a bundle, so that others can pull exactly it.
#include "hub/pin.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/manifest.h"
#include "cli/commands.h"
#include "report/prose.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct PinFlags {
  std::string bundle;
  std::string manifest;
  std::string repo_id;
  std::string repo_type = "dataset";
  std::string revision;
  std::string out;
  bool json = false;
};

constexpr std::size_t kMaxManifestBytes = std::size_t{64} << 20;

/// The file with its own hash; `stated` is what the manifest says about it, empty = nothing.
Result<hub::PinFile> hashed(const std::filesystem::path& bundle, const std::string& relative,
                            const std::string& stated) {
  TRINITY_TRY(const std::filesystem::path path, bundle::resolve_inside(bundle, relative));
  TRINITY_TRY(const std::string sha256, sha256_file(path));
  if (!stated.empty() && stated != sha256)
    return fail(ErrorKind::invalid_input, "checksum_mismatch",
                fmt::format("{} has the hash {}, but the manifest says {}; no pin is written, see "
                            "trinity verify",
                            path.string(), sha256, excerpt(stated)));
  return hub::PinFile{relative, sha256, std::filesystem::file_size(path)};
}

Result<hub::Pin> make_pin(const PinFlags& flags) {
  const std::filesystem::path bundle = flags.bundle;
  const std::filesystem::path manifest_path = flags.manifest.empty()
                                                  ? bundle / bundle::kManifestFile
                                                  : std::filesystem::path(flags.manifest);
  TRINITY_TRY(const std::string text, read_text_file(manifest_path, kMaxManifestBytes));
  TRINITY_TRY(const bundle::Manifest manifest, bundle::parse_manifest(text));
  hub::Pin pin;
  TRINITY_TRY(pin.repo.type, hub::parse_repo_type(flags.repo_type));
  pin.repo.id = flags.repo_id;
  pin.repo.revision = flags.revision;
  // The manifest that is read must be the one that the bundle will be pulled with.
  pin.manifest_sha256 = sha256_hex(text);
  TRINITY_TRY(hub::PinFile manifest_file,
              hashed(bundle, bundle::kManifestFile, pin.manifest_sha256));
  pin.files.push_back(std::move(manifest_file));
  TRINITY_TRY(hub::PinFile head,
              hashed(bundle, manifest.head.file, manifest.head.sha256.value_or("")));
  pin.files.push_back(std::move(head));
  for (const bundle::ManifestTensor& tensor : manifest.tensors) {
    TRINITY_TRY(hub::PinFile file,
                hashed(bundle, tensor.checkpoint_path, tensor.checkpoint_sha256.value_or("")));
    pin.files.push_back(std::move(file));
  }
  // Such a bundle is read from its merged file; without it a pulled copy would not work.
  if (manifest.adapted.layout == bundle::ArtifactLayout::single_file) {
    TRINITY_TRY(hub::PinFile merged,
                hashed(bundle, manifest.adapted.file, manifest.adapted.sha256.value_or("")));
    pin.files.push_back(std::move(merged));
  }
  TRINITY_CHECK(hub::require_valid_pin(pin));
  return pin;
}

Status pin_command(const PinFlags& flags) {
  TRINITY_CHECK(terminal::check_outputs(
      {{"--out", flags.out}}, {{"--bundle", flags.bundle}, {"--manifest", flags.manifest}}));
  TRINITY_TRY(const hub::Pin pin, make_pin(flags));
  TRINITY_CHECK(terminal::write_output(flags.out, hub::pin_json(pin)));
  return terminal::print(
      flags.json
          ? wire::json_line(
                {{"pin", flags.out}, {"files", pin.files.size()}, {"revision", flags.revision}})
          : fmt::format("wrote {}: {}, revision {}\n", printable(flags.out),
                        report::counted(pin.files.size(), "file"), printable(flags.revision)));
}

void declare(command_line::Command& command, PinFlags& flags) {
  command.value("--bundle-dir,--bundle", flags.bundle, "the bundle's folder")
      .takes("DIR")
      .required();
  command
      .value("--manifest", flags.manifest, "its manifest (without it: manifest.json in the folder)")
      .takes("FILE");
  command.value("--repo-id", flags.repo_id, "the repository that the bundle is published in")
      .takes("ORG/NAME")
      .required();
  command.value("--repo-type", flags.repo_type, "model or dataset")
      .takes("TYPE")
      .one_of({"model", "dataset"})
      .shows_default();
  command.value("--revision", flags.revision, "commit, or a tag that will not move")
      .takes("REV")
      .required();
  command.value("--out", flags.out, "pin file to write").takes("FILE").required().no_environment();
  command.json(flags.json, "one JSON object");
  command.notes(
      "Every file is hashed; one that differs from what the manifest says is refused.\n\n"
      "Example:\n"
      "  trinity pin --bundle-dir adapted --repo-id me/my-router --revision v1.0.0 --out pin.json");
}

}  // namespace

void add_pin(command_line::Command& commands) {
  add_command(commands, "pin",
              "List the hash of every file of a bundle, so that others can pull exactly it",
              declare, pin_command);
}

}  // namespace trinity::cli
