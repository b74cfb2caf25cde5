// What a call costs: tokens and prices, in whole micro-USD.
//
// A price in USD a million tokens is one in micro-USD a token; kept a million times finer it is a
// whole number, and sums are exact. Each call is rounded up once, so that a budget is never
// undercounted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "chat/chat.h"

namespace trinity::provider {

/// Micro-USD for a million tokens: 0.15 USD is 150000.
struct Price {
  std::int64_t input = 0, output = 0;
  std::optional<std::int64_t> cached_input;  // without one, cached tokens cost what others cost

  bool operator==(const Price&) const = default;
};

/// Usage that does not add up (more cached tokens than tokens, negative ones) is taken for the
/// dearer.
std::int64_t cost_micro_usd(const Price& price, const chat::Usage& usage);

/// Tokens of a text. The default guesses one for four bytes, and one for each message besides.
using TokenCounter = std::function<std::int64_t(std::string_view text)>;

/// The tokens of a request, for the time before it is sent.
std::int64_t estimated_input(const chat::ChatRequest& request, const TokenCounter& count = {});
/// What a member that does not say has used, marked as estimated.
chat::Usage estimated_usage(const chat::ChatRequest& request, const chat::ChatMessage& reply,
                            const TokenCounter& count = {});

}  // namespace trinity::provider
