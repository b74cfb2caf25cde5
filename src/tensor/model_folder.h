// Whether a path can be a model folder and, when it cannot, what it is instead.
//
// People give what they have: the name of a model on a hub, a GGUF file, the weight file instead of
// its folder, an adapted bundle, a LoRA adapter without its base model, a folder of pickles. Each
// is named, with what to do.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace trinity {

inline constexpr const char* kWeightIndexFile = "model.safetensors.index.json";
inline constexpr const char* kWholeWeightsFile = "model.safetensors";
inline constexpr const char* kAdapterConfigFile = "adapter_config.json";
inline constexpr const char* kAdapterWeightsFile = "adapter_model.safetensors";
inline constexpr const char* kMlxAdapterFile = "adapters.safetensors";
inline constexpr const char* kRouterHeadFile = "router_head.safetensors";

/// Whether a file of this name in a model folder holds weights of the model itself: a safetensors
/// file that is no adapter. (A router head may lie among them.)
bool is_weight_file_name(std::string_view name);

/// Errors, all of kind `missing` but the second: `missing_file` (nothing is there; the name may be
/// one of a hub), `unreadable_file` (it cannot be listed), `not_a_model_folder` (a file, a bundle,
/// the cache of a hub), `adapter_without_base`, `missing_weights` (says which other formats are
/// there).
Status require_model_folder(const std::filesystem::path& folder);

}  // namespace trinity
