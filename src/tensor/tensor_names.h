// One name for a tensor of a Qwen3 checkpoint, however the program that saved it wrapped the model.
//
// The names of the forward pass are those of Qwen3ForCausalLM: "model.layers.0.…",
// "model.norm.weight", "lm_head.weight". Saved from the bare Qwen3Model (the published embedding
// models are) they lack "model."; saved while torch.compile or a data-parallel wrapper was around
// the model, or around a part of it, "_orig_mod." or "module." stands in front of that part.
#pragma once

#include <string>
#include <string_view>

namespace trinity {

/// The name that the forward pass asks for; a name that no rule covers stays as it is.
std::string canonical_tensor_name(std::string_view stored);

}  // namespace trinity
