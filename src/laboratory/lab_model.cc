// The flags that the commands of `trinity lab` share, and what follows from them.
#include <fmt/format.h>

#include "base/try.h"
#include "laboratory/lab_commands.h"
#include "router/deciding_head.h"
#include "terminal/output.h"

namespace trinity::laboratory {
void add_lab_flags(command_line::Command& command, LabFlags& flags) {
  flags::add_model_folder_flag(command, flags.model);
  flags::add_tokenizer_flag(command, flags.tokenizer);
  flags::add_head_flag(command, flags.head);
  command
      .value("--profiles", flags.profiles,
             "profiles to compare, for example cpu_f32,cpu_bf16,plugin:PATH (without it: all "
             "that can run here)")
      .takes("NAME,NAME…")
      .commas()
      .in("Model");
  command.value("--threads", flags.threads, "threads to compute with (0: all processors)")
      .takes("N")
      .range(0, 1024)
      .in("Model");
  flags::add_adaptation_flags(command, flags);
}

Result<prove::MatrixLanes> lanes_of(const LabFlags& flags) {
  return flags.profiles.empty() ? prove::available_lanes(flags.threads)
                                : prove::named_lanes(flags.profiles, flags.threads);
}

Result<LabModel> open_lab_model(const LabFlags& flags) {
  if (flags.model.empty() && !(flags.head.empty() && flags.tokenizer.empty()))
    return fail(ErrorKind::usage, "head_without_model",
                "--head and --tokenizer need --model: the embedded tiny router has its own");
  TRINITY_CHECK(flags::check_model_flags(flags));
  TRINITY_TRY(auto files, flags.model.empty()
                              ? router::open_tiny_router()
                              : router::open_model_folder(flags.model, flags.tokenizer));
  TRINITY_TRY(const model::ModelConfig config, files->config());
  TRINITY_TRY(text::Tokenizer tokenizer, files->tokenizer());
  const RouterOptions options = flags::router_options(flags);
  TRINITY_TRY(auto adaptation, router::open_adaptation(options, *files));
  TRINITY_TRY(router::DecidingHead found,
              router::find_deciding_head(options, *files, adaptation.get()));
  route::Head& head = found.head;
  if (static_cast<int64_t>(head.hidden_size()) != config.hidden_size)
    return fail(ErrorKind::invalid_input, "hidden_size_mismatch",
                fmt::format("the head is for hidden size {}, the model has {}", head.hidden_size(),
                            config.hidden_size));
  for (const std::string& warning : config.warnings) terminal::warn(warning);
  for (const std::string& about_text : tokenizer.notes()) terminal::warn(about_text);
  for (const std::string& choice : files->notes()) terminal::warn(choice);
  flags::F32Lane lane;
  const model::TensorSource* tensors = &files->tensors();
  std::string name = flags.model.empty() ? "the embedded tiny router" : flags.model.string();
  if (adaptation != nullptr) {
    TRINITY_TRY(lane, flags::open_f32_lane({{}, flags.threads}));
    TRINITY_TRY(tensors, adaptation->apply(*tensors, *lane.backend, flags.threads));
    for (const std::string& fallback : adaptation->fallbacks())
      if (flags.fallback == Fallback::warn) terminal::warn(fallback);
    name += " adapted by the " + adaptation->summary().description;
  }
  return LabModel{std::move(files), std::move(lane),      std::move(adaptation), tensors,
                  config,           std::move(tokenizer), std::move(head),       std::move(name)};
}

}  // namespace trinity::laboratory
