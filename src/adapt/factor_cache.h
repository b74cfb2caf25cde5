// Factors of a router vector on disk, so that only the first load decomposes.
//
// A file is named after a hash of everything that its contents follow from: the base tensors'
// bytes, the offsets, the options and the algebra that computed them. It is written atomically with
// a hash of its own beside it; a damaged or foreign file is ignored and written anew.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapt/adapter.h"

namespace trinity::adapt {

/// The key of all factors of `selection` but the LM head's. Reads every selected base tensor once.
/// Error: `missing_tensor`.
Result<std::string> factor_cache_key(const model::TensorSource& base, const Selection& selection,
                                     std::span<const float> offsets,
                                     const AdaptationOptions& options,
                                     const std::string& algebra_label);

struct CachedFactor {
  std::string path;           // of the tensor, as in Selection
  std::vector<float> values;  // [k, k]
};

/// Nothing when there is no usable file.
std::optional<std::vector<CachedFactor>> load_cached_factors(const std::filesystem::path& folder,
                                                             const std::string& key);

/// Creates the folder when needed. Errors: `unwritable_file`, those of write_safetensors.
Status store_cached_factors(const std::filesystem::path& folder, const std::string& key,
                            std::span<const CachedFactor> factors);

}  // namespace trinity::adapt
