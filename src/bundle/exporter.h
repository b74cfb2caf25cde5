// From a router vector to an adapted bundle, tensor by tensor, so that it can be stopped anywhere.
//
// Each tensor is decomposed, multiplied and written to a file of its own; the manifest records it
// as complete only after that file has its final name. A killed export therefore leaves finished
// tensors, which --resume keeps, and the few whose bytes were on their way. `complete` is written
// last, after everything was flushed to the disk, and taken back only when a file of the bundle is
// not what it should be. Hashing and writing run behind the computation on
// a thread of their own.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "bundle/export_log.h"
#include "bundle/export_plan.h"

namespace trinity {

/// How much of the whole is done, in multiplications, roughly: decompositions count as well as the
/// products, so that a forecast from it holds.
using ExportProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct ExportReport {
  Manifest manifest;
  int64_t exported = 0;  // tensors computed in this run
  int64_t skipped = 0;   // kept from an earlier one
  double total_ms = 0;
  std::vector<std::string> foreign_files;  // found in the folder and left alone
};

/// Runs the plan on `backend`. `listener` and `progress` are never called at the same time, but
/// from two threads. Errors: `operation_unsupported` (the backend has no dense algebra), those of
/// export_folder.h, `decompose_error`, `reconstruct_error`, `checkpoint_write_error`,
/// `adapted_merge_error`; once the export has begun to write, the manifest then says `failed`. With
/// `resume` a complete bundle is left as it is, to the byte, and stays complete whatever fails.
Result<ExportReport> run_export(Backend& backend, const ExportOptions& options, ExportPlan& plan,
                                const EventListener& listener, const ExportProgress& progress);

}  // namespace trinity
