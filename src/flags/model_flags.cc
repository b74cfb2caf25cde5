#include "flags/model_flags.h"

#include <fmt/format.h>

#include "base/try.h"
#include "flags/cache_folder.h"
#include "router/model_files.h"
#include "terminal/output.h"

namespace trinity::flags {
void add_model_flags(command_line::Command& command, ModelFlags& flags) {
  add_model_folder_flag(command, flags.model);
  add_profile_flag(command, flags.profile);
  add_threads_flag(command, flags.threads);
}

void add_profile_flag(command_line::Command& command, std::string& profile) {
  command
      .value("--profile", profile,
             "how to compute, see `trinity profiles`; fast: the fastest one here (without it: the "
             "default, the same everywhere)")
      .takes("NAME")
      .in("Model");
}

void add_threads_flag(command_line::Command& command, int& threads) {
  command
      .value("--threads", threads,
             "threads to compute with (0: all processors, but one for a tiny model)")
      .takes("N")
      .range(0, 1024)
      .in("Model");
}

void add_prefix_cache_flag(command_line::Command& command, ModelFlags& flags) {
  command
      .value("--prefix-cache", flags.prefix_cache_mib,
             "memory for what was computed for earlier inputs, in MiB (0: none; without it: a "
             "quarter of what is free)")
      .takes("MIB")
      .range(0, 1 << 30)
      .excludes("--no-prefix-cache")
      .in("Model");
}

void add_model_folder_flag(command_line::Command& command, std::filesystem::path& model) {
  command
      .value("--model", model,
             "folder with config.json, tokenizer.json and *.safetensors (without it: the embedded "
             "tiny router)")
      .takes("DIR")
      .in("Model");
}

command_line::Flag add_tokenizer_flag(command_line::Command& command,
                                      std::filesystem::path& tokenizer) {
  return command
      .value("--tokenizer", tokenizer,
             "tokenizer.json to use (without it: the model's own, or one that models around it "
             "share)")
      .takes("FILE")
      .in("Model");
}

command_line::Flag add_head_flag(command_line::Command& command, std::filesystem::path& head) {
  return command
      .value("--head", head,
             "router head of the model (without it: router_head.safetensors beside the model)")
      .takes("FILE")
      .in("Model");
}

LayerFlags add_layer_flags(command_line::Command& command, std::vector<std::int64_t>& layers,
                           std::optional<TieMode>& tie_mode) {
  command_line::Flag chosen =
      command
          .value("--layers", layers,
                 "layers that the vector adapts besides embedding and LM head, counted from 0, for "
                 "example 26 (without it: all)")
          .takes("L,L…")
          .commas()
          .at_least(0)
          .in("Adaptation");
  command_line::Flag tied =
      command
          .choice("--tie-mode", tie_mode,
                  {TieMode::embed_offsets, TieMode::last_write, TieMode::lm_head_offsets,
                   TieMode::compound},
                  tie_mode_name,
                  "offsets that a tied embedding gets: embed_offsets, last_write, "
                  "lm_head_offsets or compound (without it: embed_offsets)")
          .takes("MODE")
          .in("Adaptation");
  return {chosen, tied};
}

command_line::Flag add_head_rows_flag(command_line::Command& command, std::int64_t& head_rows) {
  return command
      .value("--head-rows", head_rows,
             "rows of the vector's head: agents, then three roles (without it: as many as the "
             "offsets leave)")
      .takes("N")
      .at_least(4)
      .in("Adaptation");
}

void add_adaptation_flags(command_line::Command& command, ModelFlags& flags) {
  command.value("--bundle", flags.bundle, "adapted bundle over --model; brings its own head")
      .takes("DIR")
      .in("Adaptation");
  command
      .value("--vector", flags.vector,
             "router vector over --model, adapted while loading; brings its own head")
      .takes("FILE")
      .in("Adaptation");
  const auto adapts = [&flags] { return !flags.vector.empty() || !flags.bundle.empty(); };
  LayerFlags layers = add_layer_flags(command, flags.layers, flags.tie_mode);
  layers.layers.used_when([&flags] { return !flags.vector.empty(); },
                          "divides a router vector and needs --vector; a bundle says itself which "
                          "layers it adapts");
  layers.tie_mode.used_when(adapts, "is for an adaptation; it needs --vector or --bundle");
  add_head_rows_flag(command, flags.head_rows)
      .used_when(
          [&flags] { return !flags.vector.empty(); },
          "divides a router vector and needs --vector; a bundle says itself what its head is");
  command
      .choice("--fallback", flags.fallback, {Fallback::raise, Fallback::warn, Fallback::silent},
              fallback_name,
              "when the backend lacks an operation of the adaptation: raise, or let the CPU "
              "compute it and warn or be silent")
      .takes("POLICY")
      .shows_default()
      .in("Adaptation")
      .used_when(adapts, "is for an adaptation; it needs --vector or --bundle");
}

RouterOptions router_options(const ModelFlags& flags) {
  RouterOptions options = flags;
  if (!flags.vector.empty()) options.adaptation_cache = cache_folder("adaptation");
  if (flags.prefix_cache_mib)
    options.prefix_cache_bytes = static_cast<std::size_t>(*flags.prefix_cache_mib) << 20;
  return options;
}

std::vector<terminal::NamedPath> model_inputs(const ModelFlags& flags) {
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

Result<Router> load_router(const ModelFlags& flags, bool needs_head) {
  TRINITY_CHECK(check_model_flags(flags));
  RouterOptions options = router_options(flags);
  options.needs_head = needs_head;
  TRINITY_TRY(Router router, Router::load(options));
  if (!flags.announce) return router;
  const RouterInfo& info = router.info();
  if (info.tiny_router)
    terminal::note(
        fmt::format("using {}, profile {}", describe_model(info, flags.model), info.profile));
  if (!info.adaptation.empty())
    terminal::note(fmt::format("adapted by the {}, profile {}", info.adaptation, info.profile));
  if (needs_head && flags.head.empty() && !info.head.empty())
    terminal::note(fmt::format("using the head {}, profile {}", info.head.string(), info.profile));
  if (!info.broken_promise.empty())
    terminal::note(fmt::format("profile {} is only {} here: {}", info.profile, info.exactness,
                               info.broken_promise));
  for (const std::string& warning : info.warnings) terminal::warn(warning);
  return router;
}

Result<text::Tokenizer> load_tokenizer(const std::filesystem::path& model,
                                       const std::filesystem::path& tokenizer) {
  if (!tokenizer.empty()) return text::Tokenizer::load(tokenizer);
  if (model.empty()) {
    TRINITY_TRY(const std::unique_ptr<router::ModelFiles> files, router::open_tiny_router());
    terminal::note("using the tokenizer of the embedded tiny router");
    return files->tokenizer();
  }
  const std::filesystem::path own = model / "tokenizer.json";
  std::error_code ignored;
  if (std::filesystem::exists(own, ignored)) return text::Tokenizer::load(own);
  TRINITY_TRY(const std::unique_ptr<router::ModelFiles> files, router::open_model_folder(model));
  return files->tokenizer();
}

std::string describe_model(const RouterInfo& info, const std::filesystem::path& model) {
  if (info.tiny_router)
    return "the embedded tiny router (a demonstration; --model names a real one)";
  return model.string();
}

}  // namespace trinity::flags
