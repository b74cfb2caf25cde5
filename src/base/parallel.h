// Independent pieces of work shared out over the processors, for what is done once, at a load: a
// sum of matrices, a comparison of files. (Forward passes have a pool of their own, which costs
// microseconds a job and not the start of threads.)
//
// Which thread does a piece never shows in a result: pieces write to different places.
#pragma once

#include <cstddef>
#include <functional>

namespace trinity {

/// Processors that this process may use.
int available_processors();

/// Calls body(piece) for 0..pieces−1 in any order, on as many threads as there are processors and
/// pieces, the caller's among them; returns when all are done. Where the system refuses threads,
/// fewer share the work. The first exception of a body is thrown again here; pieces that had not
/// begun by then are left out.
void parallel_for(std::size_t pieces, const std::function<void(std::size_t piece)>& body);

}  // namespace trinity
