// The three ways in which a loop runs.
//
// reference: a Verifier that comes first is an error, every answer joins the transcript, and an
//   accepted run gives the Verifier's own text.
// safe: a Verifier cannot be chosen before there is an answer, a budget that ends leaves the
// answer,
//   a Verifier that fails or abstains fails nothing, and the result is always the latest Worker's.
// author: the authors' code: one evolving user message, sampled choices, only ideas are shared.
#pragma once

#include <trinity/error.h>

#include <string_view>

namespace trinity::coordinate {

enum class LoopProfile { reference, safe, author };
/// "reference", "safe" or "author".
const char* loop_profile_name(LoopProfile profile);
/// Error: `invalid_loop_profile`.
Result<LoopProfile> parse_loop_profile(std::string_view name);

}  // namespace trinity::coordinate
