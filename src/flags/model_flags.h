// The flags that choose a model and how it runs, and the loading that follows from them.
#pragma once

#include <trinity/router.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "command_line/command_line.h"
#include "terminal/output_file.h"
#include "text/tokenizer.h"

namespace trinity::flags {

/// The flags fill the router's own options.
struct ModelFlags : RouterOptions {
  bool announce = true;                          // say on standard error what was loaded
  std::optional<std::int64_t> prefix_cache_mib;  // of prefix_cache_bytes
};

/// --model alone.
void add_model_folder_flag(command_line::Command& command, std::filesystem::path& model);
void add_profile_flag(command_line::Command& command, std::string& profile);
void add_threads_flag(command_line::Command& command, int& threads);
/// --prefix-cache, where many inputs are read.
void add_prefix_cache_flag(command_line::Command& command, ModelFlags& flags);
/// --model, --profile, --threads.
void add_model_flags(command_line::Command& command, ModelFlags& flags);
/// --tokenizer, where text is read.
command_line::Flag add_tokenizer_flag(command_line::Command& command,
                                      std::filesystem::path& tokenizer);
/// --head, where a decision is made.
command_line::Flag add_head_flag(command_line::Command& command, std::filesystem::path& head);

/// --bundle, --vector, --layers, --head-rows, --tie-mode, where a model may be adapted.
void add_adaptation_flags(command_line::Command& command, ModelFlags& flags);
/// --layers and --tie-mode alone.
struct LayerFlags {
  command_line::Flag layers, tie_mode;
};
LayerFlags add_layer_flags(command_line::Command& command, std::vector<std::int64_t>& layers,
                           std::optional<TieMode>& tie_mode);

/// --head-rows, wherever a router vector is divided.
command_line::Flag add_head_rows_flag(command_line::Command& command, std::int64_t& head_rows);

/// What --model and its like read, for check_outputs.
std::vector<terminal::NamedPath> model_inputs(const ModelFlags& flags);

/// Whether these flags can mean something together. Errors, all usage: `two_heads`,
/// `head_without_model`, `tokenizer_without_model`.
Status check_model_flags(const ModelFlags& flags);

/// Loads the router of the flags and says on standard error what a user should know about it: that
/// it is the embedded tiny router, which head was found, warnings. With `needs_head` a model folder
/// without --head must hold router_head.safetensors. Errors: `head_without_model`, `two_heads`,
/// `tokenizer_without_model`, `missing_router_head`, and those of Router::load.
Result<Router> load_router(const ModelFlags& flags, bool needs_head);

/// The options that a router is loaded with: the flags and this program's cache of adaptations.
RouterOptions router_options(const ModelFlags& flags);

/// The tokenizer file, else that of a model folder, which needs no weights when it has a
/// tokenizer.json of its own, else the embedded tiny router's.
Result<text::Tokenizer> load_tokenizer(const std::filesystem::path& model,
                                       const std::filesystem::path& tokenizer);

/// One line that names the model, for example "the embedded tiny router (a demonstration, not
/// trained on real conversations)".
std::string describe_model(const RouterInfo& info, const std::filesystem::path& model);

}  // namespace trinity::flags
