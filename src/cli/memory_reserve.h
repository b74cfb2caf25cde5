// What a program needs so that it can still say that its memory has run out.
//
// Telling it takes memory: for the sentence, and for the way of the exception to whoever writes it.
// Both are set aside at the start, while there is some.
#pragma once

namespace trinity::cli {

/// Sets memory aside, which the first failed `new` gives back before it throws std::bad_alloc, and
/// loads what exceptions need to pass frames of the C library. Call it once, at the start.
void hold_memory_for_the_end();

}  // namespace trinity::cli
