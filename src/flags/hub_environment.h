// What the environment says about a model hub, under the names of the hub's own client
// (huggingface_hub), so that a machine that is set up for it needs no more.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <initializer_list>
#include <string>

#include "hub/hub_client.h"

namespace trinity::flags {

/// HF_ENDPOINT, else "https://huggingface.co". Error `invalid_url`.
Result<std::string> hub_endpoint();

/// HF_HUB_CACHE (HUGGINGFACE_HUB_CACHE), else "hub" in HF_HOME, else in "huggingface" of
/// XDG_CACHE_HOME, else of ~/.cache. Empty when none is known.
std::filesystem::path hub_cache_folder();

/// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: 1, true, yes or on.
bool hub_offline();

/// HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, which go to the first endpoint; else what `hf auth login`
/// left in the file HF_TOKEN_PATH, else in "token" beside the cache (unless
/// HF_HUB_DISABLE_IMPLICIT_TOKEN is set), which belongs to `home`. A file that is there and cannot
/// be used is named on standard error.
hub::AccessToken hub_token(const std::string& home);

/// The first of the names that is set to something, without blanks around it.
std::string environment(std::initializer_list<const char*> names);

}  // namespace trinity::flags
