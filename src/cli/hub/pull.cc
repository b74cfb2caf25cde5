// trinity pull: files of a model hub, by pin.
#include "hub/pull.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "base/stopwatch.h"
#include "base/try.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/hub/known_pins.h"
#include "cli/hub/pull_view.h"
#include "flags/hub_flags.h"
#include "terminal/output.h"

namespace trinity::cli {
namespace {

// Where the published bundle is kept in a working copy; used when nothing is named.
constexpr const char* kDefaultPin = "priv/sakana_trinity/artifact_pin.json";
constexpr const char* kDefaultDestination = "priv/sakana_trinity/adapted_qwen3_0_6b_layer26";

struct PullFlags {
  std::string source;  // a pin file or REPO@REV
  bool base = false;
  bool router = false;
  std::string repo_type = "model";
  std::vector<std::string> files;
  std::string destination;
  bool json = false;
  flags::HubFlags hub;
};

Result<hub::Pin> pin_file(const std::string& path) {
  auto pin = hub::load_pin(path);
  if (!pin) return fail_in("pull: cannot load the pin", std::move(pin.error()));
  return pin;
}

/// "org/name@revision", with the files of --file or all that the hub lists.
Result<hub::Pin> repo_pin(const PullFlags& flags, const hub::PullOptions& options) {
  const std::size_t at = flags.source.rfind('@');
  hub::Pin pin;
  TRINITY_TRY(pin.repo.type, hub::parse_repo_type(flags.repo_type));
  pin.repo.id = flags.source.substr(0, at);
  pin.repo.revision = flags.source.substr(at + 1);
  TRINITY_CHECK(hub::require_valid_repo(pin.repo));
  if (flags.files.empty()) return hub::list_files(pin.repo, options);
  for (const std::string& path : flags.files)
    pin.files.push_back({path, std::nullopt, std::nullopt});
  return pin;
}

bool names_a_repo(const std::string& source) {
  std::error_code ignored;
  return source.find('@') != std::string::npos && !std::filesystem::exists(source, ignored);
}

Result<hub::Pin> chosen_pin(const PullFlags& flags, const hub::PullOptions& options) {
  const int sources =
      (flags.source.empty() ? 0 : 1) + (flags.base ? 1 : 0) + (flags.router ? 1 : 0);
  if (sources > 1)
    return fail(ErrorKind::usage, "usage",
                "a pin file, REPO@REV, --base and --router exclude each other; give one");
  if (!flags.files.empty() && !names_a_repo(flags.source))
    return fail(ErrorKind::usage, "usage",
                "--file chooses files of REPO@REV; a pin has its own list");
  if (flags.base) return base_model_pin();
  if (flags.router) return router_pin();
  if (flags.source.empty()) {
    std::error_code ignored;
    if (!std::filesystem::exists(kDefaultPin, ignored))
      return fail(ErrorKind::usage, "usage",
                  fmt::format("nothing is named to fetch; give --base (the base model), --router "
                              "(the published bundle for it), a pin file or REPO@REV (without any, "
                              "{} is used, which is not here)",
                              kDefaultPin));
    return pin_file(kDefaultPin);
  }
  if (names_a_repo(flags.source)) return repo_pin(flags, options);
  if (!flags.source.ends_with(".json") && !std::filesystem::exists(flags.source))
    return fail(
        ErrorKind::usage, "usage",
        fmt::format("\"{}\" is neither a pin file nor REPO@REV; a revision is needed, so that "
                    "the same files are fetched every time",
                    excerpt(flags.source)));
  return pin_file(flags.source);
}

void say_what_is_worth_knowing(const hub::PullReport& report) {
  for (const hub::PulledFile& file : report.files) {
    if (file.replaced)
      terminal::note(fmt::format("{}: another file of that name was there and is replaced",
                                 excerpt(file.path)));
    switch (file.verified) {
      case hub::Verified::pin:
        break;
      case hub::Verified::hub_lfs:
        terminal::note(
            fmt::format("{}: no hash is pinned; it has the SHA-256 that the hub states, {}",
                        excerpt(file.path), file.sha256));
        break;
      case hub::Verified::hub_git:
        terminal::note(fmt::format("{}: no hash is pinned; it has the git hash that the hub states",
                                   excerpt(file.path)));
        break;
    }
  }
}

Status pull_command(const PullFlags& flags) {
  TRINITY_TRY(hub::PullOptions options, flags::pull_options(flags.hub));
  TRINITY_TRY(const hub::Pin pin, chosen_pin(flags, options));
  if (!flags.destination.empty()) {
    options.destination = flags.destination;
  } else if (flags.source.empty() && !flags.base && !flags.router) {
    options.destination = kDefaultDestination;
  }
  const Stopwatch watch;
  std::optional<PullLine> line;
  line.emplace();
  auto report = hub::pull(pin, options, [&](const hub::PullProgress& now) { line->update(now); });
  line.reset();
  if (!report) return tl::unexpected(std::move(report.error()));
  const double seconds = watch.elapsed_ms() / 1000;
  if (!flags.json) say_what_is_worth_knowing(*report);
  terminal::Output output;
  TRINITY_CHECK(output.write(flags.json ? pull_json(pin, *report, seconds)
                                        : pull_text(pin, *report, seconds) + next_step(*report)));
  return output.flush();
}

void declare(command_line::Command& command, PullFlags& flags) {
  command
      .word("source", flags.source,
            fmt::format("pin file, or REPO@REV; without any: {} into {}", kDefaultPin,
                        kDefaultDestination))
      .takes("PIN.json|REPO@REV");
  command.toggle("--base", flags.base, "the base model: Qwen3-0.6B at a fixed commit");
  command.toggle("--router", flags.router,
                 "the published adapted bundle for it: router head and adapted tensors");
  command.value("--file", flags.files, "of REPO@REV only these files (without it: all of them)")
      .takes("PATH");
  command.value("--repo-type", flags.repo_type, "of REPO@REV: model or dataset")
      .takes("TYPE")
      .one_of({"model", "dataset"})
      .shows_default()
      .used_when([&flags] { return flags.source.find('@') != std::string::npos; },
                 "belongs to REPO@REV; a pin says itself what its repository is");
  command
      .value(
          "--dest", flags.destination,
          "folder to copy the files to (without it: they stay in the cache, whose folder is named)")
      .takes("DIR")
      .no_environment();
  command.json(flags.json, "one JSON object").in("Output");
  flags::add_hub_flags(command, flags.hub);
  command.notes(
      "Every file is hashed before it gets its name; one that is there already and right is not\n"
      "fetched again. A pull that was stopped goes on where it stopped when it is run again.\n"
      "A token comes from HF_TOKEN, for the first endpoint, else from `hf auth login`, for the\n"
      "endpoint of HF_ENDPOINT or https://huggingface.co alone.\n\n"
      "Examples:\n"
      "  trinity pull --base --dest Qwen3-0.6B\n"
      "  trinity pull --router --dest adapted\n"
      "  trinity pull artifact_pin.json --dest adapted --endpoint https://hub.example.org\n"
      "  trinity pull Qwen/Qwen3-0.6B@c1899de289a04d12100db370d81485cdf75e47ca --file config.json");
}

}  // namespace

void add_pull(command_line::Command& commands) {
  add_command(commands, "pull", "Fetch files of a model hub by pin, each checked by its hash",
              declare, pull_command);
}

}  // namespace trinity::cli
