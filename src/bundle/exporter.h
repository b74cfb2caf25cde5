// From a router vector to an adapted bundle, tensor by tensor, so that it can be stopped anywhere.
//
// Each tensor is decomposed, multiplied and written to a file of its own; the bundle records it as
// complete only after that file has its final name. A killed export therefore leaves finished
// tensors, which --resume keeps, and the few whose bytes were on their way. `complete` is written
// last, after everything was flushed to the disk, and taken back only when a file of the bundle is
// not what it should be. Hashing and writing run behind the computation on
// a thread of their own.
#pragma once

#include <trinity/error.h>

#include "backend/backend.h"
#include "bundle/bundle_writer.h"
#include "bundle/export_log.h"
#include "bundle/export_plan.h"

namespace trinity::bundle {

/// Runs the plan on `backend`. `listener` and `progress` are never called at the same time, but
/// from two threads. Errors: `operation_unsupported` (the backend has no dense algebra), those of
/// export_folder.h, `decompose_error`, `reconstruct_error`, `checkpoint_write_error`,
/// `adapted_merge_error`; once the export has begun to write, the manifest then says `failed`. With
/// `resume` a complete bundle is left as it is, to the byte, and stays complete whatever fails.
Result<BundleReport> run_export(backend::Backend& backend, const ExportOptions& options,
                                ExportPlan& plan, const EventListener& listener,
                                const WorkProgress& progress);

}  // namespace trinity::bundle
