// Which head decides: the one rule of the program.
#pragma once

#include <trinity/options.h>

#include <filesystem>

#include "route/head.h"
#include "router/adaptation.h"
#include "router/model_files.h"

namespace trinity::router {

struct DecidingHead {
  route::Head head;
  std::filesystem::path file;  // it was read from; empty = part of an adaptation or of the program
};

/// The head that the options name, else that of the adaptation (null = base weights), else the one
/// beside the model or inside the tiny router. Errors: `missing_router_head` where none of them is
/// there, those of the readers.
Result<DecidingHead> find_deciding_head(const RouterOptions& options, const ModelFiles& files,
                                        const Adaptation* adaptation);

}  // namespace trinity::router
