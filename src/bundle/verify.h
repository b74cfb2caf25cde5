// Every claim of a bundle checked: files, hashes, shapes, types, spans and, with the base model at
// hand, that the adapted tensors follow from it.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bundle/manifest.h"

namespace trinity::bundle {

struct Finding {
  bool ok = true;
  std::string subject;  // a file or field
  std::string message;  // what was found; for a failure also what to do
};

struct VerifyOptions {
  std::filesystem::path model;  // base model; empty = not compared
};

struct VerifyReport {
  std::vector<Finding> findings;
  std::string status;  // the manifest's
  int64_t failed() const;
};

/// Looks at everything, however much is wrong. Errors: only when there is nothing to look at
/// (`missing_manifest`, `invalid_manifest`, ...). With a model, the shape and hash of each base
/// tensor are compared with what the bundle was made from.
Result<VerifyReport> verify_bundle(const std::filesystem::path& folder,
                                   const VerifyOptions& options);

}  // namespace trinity::bundle
