// How far a long examination is, for whoever waits for it.
#pragma once

#include <cstdint>
#include <functional>

namespace trinity::prove {

/// Called on the caller's thread with the number of equal steps that are done, first with 0, and of
/// all. May be empty.
using LabProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

}  // namespace trinity::prove
