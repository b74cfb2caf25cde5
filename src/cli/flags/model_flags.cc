#include "cli/flags/model_flags.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/try.h"
#include "base/utf8.h"
#include "cli/flags/cache_folder.h"
#include "tensor/model_folder.h"
#include "terminal/output.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kShownPath = 1024;

tl::unexpected<Error> no_head(const std::string& model) {
  const std::string place = (std::filesystem::path(model) / kRouterHeadFile).string();
  return fail(
      ErrorKind::missing, "missing_router_head",
      fmt::format("there is no router head at {}; give --bundle DIR (`trinity pull --router "
                  "--dest DIR` fetches the one for Qwen3-0.6B), --vector FILE or --head "
                  "FILE",
                  excerpt(place, kShownPath)));
}

/// The head file to load; empty for the one inside the tiny router.
Result<std::filesystem::path> find_head(const ModelFlags& flags) {
  if (flags.model.empty()) return std::filesystem::path();
  if (!flags.head.empty()) return std::filesystem::path(flags.head);
  if (!flags.bundle.empty() || !flags.vector.empty()) return std::filesystem::path();  // its own
  TRINITY_CHECK(require_model_folder(flags.model));
  const std::filesystem::path beside = std::filesystem::path(flags.model) / kRouterHeadFile;
  std::error_code unknown;  // a file that cannot be looked at is named by who opens it
  if (!std::filesystem::exists(beside, unknown) && !unknown) return no_head(flags.model);
  return beside;
}

}  // namespace

void add_model_flags(Command& command, ModelFlags& flags) {
  add_model_folder_flag(command, flags.model);
  add_profile_flag(command, flags.profile);
  add_threads_flag(command, flags.threads);
}

void add_profile_flag(Command& command, std::string& profile) {
  command
      .value("--profile", profile,
             "how to compute, see `trinity profiles`; fast: the fastest one here (without it: the "
             "default, the same everywhere)")
      .takes("NAME")
      .in("Model");
}

void add_threads_flag(Command& command, int& threads) {
  command
      .value("--threads", threads,
             "threads to compute with (0: all processors, but one for a tiny model)")
      .takes("N")
      .range(0, 1024)
      .in("Model");
}

void add_model_folder_flag(Command& command, std::string& model) {
  command
      .value("--model", model,
             "folder with config.json, tokenizer.json and *.safetensors (without it: the embedded "
             "tiny router)")
      .takes("DIR")
      .in("Model");
}

Flag add_tokenizer_flag(Command& command, std::string& tokenizer) {
  return command
      .value("--tokenizer", tokenizer,
             "tokenizer.json to use (without it: the model's own, or one that models around it "
             "share)")
      .takes("FILE")
      .in("Model");
}

Flag add_head_flag(Command& command, std::string& head) {
  return command
      .value("--head", head,
             "router head of the model (without it: router_head.safetensors beside the model)")
      .takes("FILE")
      .in("Model");
}

Flag add_layer_flags(Command& command, std::vector<std::int64_t>& layers, std::string& tie_mode) {
  Flag chosen =
      command
          .value("--layers", layers,
                 "layers that the vector adapts besides embedding and LM head, counted from 0, for "
                 "example 26 (without it: all)")
          .takes("L,L…")
          .commas()
          .at_least(0)
          .in("Adaptation");
  command
      .value("--tie-mode", tie_mode,
             "offsets that a tied embedding gets: embed_offsets, last_write, lm_head_offsets or "
             "compound (without it: embed_offsets)")
      .takes("MODE")
      .one_of({"embed_offsets", "last_write", "lm_head_offsets", "compound"})
      .in("Adaptation");
  return chosen;
}

Flag add_head_rows_flag(Command& command, std::int64_t& head_rows) {
  return command
      .value("--head-rows", head_rows,
             "rows of the vector's head: agents, then three roles (without it: as many as the "
             "offsets leave)")
      .takes("N")
      .at_least(4)
      .in("Adaptation");
}

void add_adaptation_flags(Command& command, ModelFlags& flags) {
  command.value("--bundle", flags.bundle, "adapted bundle over --model; brings its own head")
      .takes("DIR")
      .in("Adaptation");
  command
      .value("--vector", flags.vector,
             "router vector over --model, adapted while loading; brings its own head")
      .takes("FILE")
      .in("Adaptation");
  add_layer_flags(command, flags.layers, flags.tie_mode)
      .used_when([&flags] { return !flags.vector.empty(); },
                 "divides a router vector and needs --vector; a bundle says itself which layers it "
                 "adapts");
  add_head_rows_flag(command, flags.head_rows)
      .used_when(
          [&flags] { return !flags.vector.empty(); },
          "divides a router vector and needs --vector; a bundle says itself what its head is");
  command
      .value(
          "--fallback", flags.fallback,
          "when the backend lacks an operation of the adaptation: raise, or let the CPU compute it "
          "and warn or be silent")
      .takes("POLICY")
      .one_of({"raise", "warn", "silent"})
      .shows_default()
      .in("Adaptation")
      .used_when([&flags] { return !flags.vector.empty() || !flags.bundle.empty(); },
                 "is for an adaptation; it needs --vector or --bundle");
}

RouterOptions router_options(const ModelFlags& flags) {
  RouterOptions options;
  options.model = flags.model;
  options.tokenizer = flags.tokenizer;
  options.profile = flags.profile;
  options.threads = flags.threads;
  options.bundle = flags.bundle;
  options.vector = flags.vector;
  options.layers = flags.layers;
  options.head_rows = flags.head_rows;
  options.tie_mode = flags.tie_mode;
  options.fallback = flags.fallback;
  if (!flags.vector.empty()) options.adaptation_cache = cache_folder("adaptation");
  return options;
}

std::vector<NamedPath> model_inputs(const ModelFlags& flags) {
  return {{"--model", flags.model},
          {"--tokenizer", flags.tokenizer},
          {"--head", flags.head},
          {"--bundle", flags.bundle},
          {"--vector", flags.vector}};
}

Status check_model_flags(const ModelFlags& flags) {
  // Both a file and an adaptation bring a head; which one is meant is not ours to choose.
  if (!flags.head.empty() && !(flags.bundle.empty() && flags.vector.empty()))
    return fail(ErrorKind::usage, "two_heads",
                fmt::format("--head and --{} both bring a router head; give one of them",
                            flags.bundle.empty() ? "vector" : "bundle"));
  if (!flags.model.empty()) return {};
  if (!flags.head.empty())
    return fail(ErrorKind::usage, "head_without_model",
                "--head needs --model: the embedded tiny router has its own head");
  if (!flags.tokenizer.empty())
    return fail(ErrorKind::usage, "tokenizer_without_model",
                "--tokenizer needs --model: the embedded tiny router has its own tokenizer");
  return {};
}

Result<std::unique_ptr<Router>> load_router(const ModelFlags& flags, bool needs_head) {
  TRINITY_CHECK(check_model_flags(flags));
  RouterOptions options = router_options(flags);
  if (needs_head) {
    TRINITY_TRY(options.head, find_head(flags));
  }
  TRINITY_TRY(std::unique_ptr<Router> router, Router::load(options));
  if (!flags.announce) return router;
  const RouterInfo& info = router->info();
  if (info.tiny_router)
    note(fmt::format("using {}, profile {}", describe_model(info, flags.model), info.profile));
  if (!info.adaptation.empty())
    note(fmt::format("adapted by the {}, profile {}", info.adaptation, info.profile));
  if (flags.head.empty() && !options.head.empty())
    note(fmt::format("using the head {}, profile {}", options.head.string(), info.profile));
  if (!info.broken_promise.empty())
    note(fmt::format("profile {} is only {} here: {}", info.profile, info.exactness,
                     info.broken_promise));
  for (const std::string& warning : info.warnings) warn(warning);
  return router;
}

Result<Head> head_of(const ModelFlags& flags, const ModelFiles& files,
                     const Adaptation* adaptation) {
  TRINITY_CHECK(check_model_flags(flags));
  if (!flags.head.empty()) return Head::load(flags.head);
  if (adaptation != nullptr) return adaptation->head();
  auto beside = files.head();
  if (!beside && beside.error().tag == "missing_file") return no_head(flags.model);
  return beside;
}

Result<Head> load_head(const ModelFlags& flags) {
  TRINITY_CHECK(check_model_flags(flags));
  if (!flags.head.empty()) return Head::load(flags.head);
  TRINITY_TRY(const auto files,
              flags.model.empty() ? open_tiny_router() : open_model_folder(flags.model));
  TRINITY_TRY(const auto adaptation, open_adaptation(router_options(flags), *files));
  return head_of(flags, *files, adaptation.get());
}

Result<Tokenizer> load_tokenizer(const std::string& model, const std::string& tokenizer) {
  if (!tokenizer.empty()) return Tokenizer::load(tokenizer);
  if (model.empty()) {
    TRINITY_TRY(const std::unique_ptr<ModelFiles> files, open_tiny_router());
    note("using the tokenizer of the embedded tiny router");
    return files->tokenizer();
  }
  const std::filesystem::path own = std::filesystem::path(model) / "tokenizer.json";
  std::error_code ignored;
  if (std::filesystem::exists(own, ignored)) return Tokenizer::load(own);
  TRINITY_TRY(const std::unique_ptr<ModelFiles> files, open_model_folder(model));
  return files->tokenizer();
}

std::string describe_model(const RouterInfo& info, const std::string& model) {
  if (info.tiny_router)
    return "the embedded tiny router (a demonstration; --model names a real one)";
  return model;
}

}  // namespace trinity::cli
