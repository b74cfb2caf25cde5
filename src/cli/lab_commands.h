// The commands under `trinity lab`, and the model that they share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "lab/matrix_lanes.h"
#include "route/head.h"
#include "router/model_files.h"

namespace trinity::cli {

void add_lab_matrix(CLI::App& lab, Action& action);
void add_lab_robustness(CLI::App& lab, Action& action);

/// --model, --tokenizer, --head, --profiles, --threads.
struct LabFlags {
  std::string model, tokenizer, head;
  std::vector<std::string> profiles;
  int threads = 0;
};
void add_lab_flags(CLI::App& command, LabFlags& flags);

/// The profiles of the flags, else every lane that can run here.
Result<MatrixLanes> lanes_of(const LabFlags& flags);

/// A model's files with its head, opened once for all lanes.
struct LabModel {
  std::unique_ptr<ModelFiles> files;
  ModelConfig config;
  Tokenizer tokenizer;
  Head head;
  std::string name;  // for people
};
/// Errors: `head_without_model`, `missing_router_head`, those of the readers.
Result<LabModel> open_lab_model(const LabFlags& flags);

}  // namespace trinity::cli
