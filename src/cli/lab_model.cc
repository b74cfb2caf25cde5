// The flags that the commands of `trinity lab` share, and what follows from them.
#include <fmt/format.h>

#include "base/try.h"
#include "cli/flags.h"
#include "cli/lab_commands.h"

namespace trinity::cli {

void add_lab_flags(CLI::App& command, LabFlags& flags) {
  add_value(command, "--model", flags.model,
            "folder with config.json, tokenizer.json and *.safetensors (without it: the embedded "
            "tiny router)")
      ->type_name("DIR")
      ->group("Model");
  add_value(command, "--tokenizer", flags.tokenizer, "tokenizer.json of --model, if not its own")
      ->type_name("FILE")
      ->group("Model");
  add_value(command, "--head", flags.head,
            "router head of the model (without it: router_head.safetensors beside the model)")
      ->type_name("FILE")
      ->group("Model");
  command
      .add_option("--profiles", flags.profiles,
                  "lanes to compare, for example cpu_f32,cpu_bf16,plugin:PATH (without it: all "
                  "that can run here)")
      ->envname(environment_name("--profiles"))
      ->type_name("NAME,NAME…")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group("Model");
  add_value(command, "--threads", flags.threads, "threads to compute with (0: all processors)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024))
      ->group("Model");
}

Result<MatrixLanes> lanes_of(const LabFlags& flags) {
  return flags.profiles.empty() ? available_lanes(flags.threads)
                                : named_lanes(flags.profiles, flags.threads);
}

Result<LabModel> open_lab_model(const LabFlags& flags) {
  if (flags.model.empty() && !(flags.head.empty() && flags.tokenizer.empty()))
    return fail(ErrorKind::usage, "head_without_model",
                "--head and --tokenizer need --model: the embedded tiny router has its own");
  TRINITY_TRY(auto files, flags.model.empty() ? open_tiny_router()
                                              : open_model_folder(flags.model, flags.tokenizer));
  TRINITY_TRY(const ModelConfig config, files->config());
  TRINITY_TRY(Tokenizer tokenizer, files->tokenizer());
  auto head = flags.head.empty() ? files->head() : Head::load(flags.head);
  if (!head && head.error().tag == "missing_file" && flags.head.empty())
    return fail(
        ErrorKind::missing, "missing_router_head",
        fmt::format("there is no router_head.safetensors in {}; give --head FILE", flags.model));
  if (!head) return tl::unexpected(std::move(head.error()));
  if (static_cast<int64_t>(head->hidden_size()) != config.hidden_size)
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                fmt::format("the head is for hidden size {}, the model has {}", head->hidden_size(),
                            config.hidden_size));
  std::string name = flags.model.empty() ? "the embedded tiny router" : flags.model;
  return LabModel{std::move(files), config, std::move(tokenizer), std::move(*head),
                  std::move(name)};
}

}  // namespace trinity::cli
