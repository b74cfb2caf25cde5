// Whether a member can take a request at all, told before anything is sent.
//
// What a request asks for (tools, pictures, a schema, a length) is held against what the pool file
// says of the member. Members that cannot are masked, or the request is refused when none can: a
// part of it is never dropped.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "provider/pool_config.h"

namespace trinity::provider {

/// Why not: `unsupported_modality` (pictures, audio, files), `unsupported_value` (tools, form of
/// the answer, log probabilities, several answers), `context_length_exceeded`. Nothing: it can.
/// `count` counts tokens, see cost.h; a member whose context is not known has room for everything.
std::optional<Error> unfit(const MemberConfig& member, const chat::ChatRequest& request,
                           const TokenCounter& count = {});

/// What `unfit` asks for besides room: "tools", "vision", "audio", "files", "json", "schema",
/// "logprobs", "choices".
std::vector<std::string> needs_of(const chat::ChatRequest& request);
/// The first of these needs that the member does not meet; nothing: it meets all.
std::optional<std::string> unmet_need(const MemberConfig& member,
                                      std::span<const std::string> needs);

/// The most that a call may use, to be set aside before it: the prompt as estimated and as many
/// tokens as the answer may have (its own limit, else the member's, else `otherwise`).
chat::Usage most_it_may_use(const MemberConfig& member, const chat::ChatRequest& request,
                            const TokenCounter& count = {}, std::int64_t otherwise = 4'096);

/// What that costs, in micro-USD. Nothing where no price is known.
std::optional<std::int64_t> most_it_may_cost(const MemberConfig& member,
                                             const chat::ChatRequest& request,
                                             const TokenCounter& count = {},
                                             std::int64_t otherwise = 4'096);

}  // namespace trinity::provider
