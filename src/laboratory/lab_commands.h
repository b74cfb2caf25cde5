// The commands under `trinity lab`, and the model that they share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command_line/add_command.h"
#include "flags/f32_lane.h"
#include "flags/model_flags.h"
#include "prove/matrix/lanes.h"
#include "route/head.h"
#include "router/adaptation.h"
#include "router/model_files.h"

namespace trinity::laboratory {

/// The whole group, below the program.
void add_lab(command_line::Command& commands);
/// `trinity parity`, which stands beside it.
void add_parity(command_line::Command& commands);

void add_lab_matrix(command_line::Command& lab);
void add_lab_golden(command_line::Command& lab);
void add_lab_robustness(command_line::Command& lab);
void add_lab_benchmark(command_line::Command& lab);

/// --model, --tokenizer, --head, --bundle, --vector and what belongs to them, --threads; in place
/// of one --profile several --profiles.
struct LabFlags : flags::ModelFlags {
  std::vector<std::string> profiles;
};
void add_lab_flags(command_line::Command& command, LabFlags& flags);

/// The profiles of the flags, else every lane that can run here.
Result<prove::MatrixLanes> lanes_of(const LabFlags& flags);

/// A model's files with its head, opened and, where it is adapted, adapted once for all lanes: what
/// lanes then differ in is how they compute.
struct LabModel {
  std::unique_ptr<router::ModelFiles> files;
  flags::F32Lane adapting_lane;  // whose memory holds the factors; empty for a base model
  std::unique_ptr<router::Adaptation> adaptation;  // null for a base model
  const model::TensorSource* tensors = nullptr;    // of the files, or the adapted ones over them
  model::ModelConfig config;
  text::Tokenizer tokenizer;
  route::Head head;
  std::string name;  // for people
};
/// Errors: `head_without_model`, `missing_router_head`, those of the readers and of the adaptation.
Result<LabModel> open_lab_model(const LabFlags& flags);

}  // namespace trinity::laboratory
