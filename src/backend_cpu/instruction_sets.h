// The instruction sets that the vectorised kernels are built for, and a way to use fewer of them.
//
// The best one of the processor is chosen at run time. In the exact lanes the choice never shows in
// a result; tests prove that by narrowing the choice and computing again, and benchmarks narrow it
// to measure what a lesser processor would do. The program narrows it for a whole run when
// TRINITY_INSTRUCTION_SET says so.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>
#include <vector>

namespace trinity::cpu {

/// Names of those that this processor has, the least first: "plain" (any processor, slow), then
/// "avx2", "avx512", "avx512vnni" or "neon".
std::vector<std::string> instruction_sets();

/// The best one in use.
std::string instruction_set_in_use();

/// Uses this one and lesser ones only; an empty name means all. Not while a backend computes.
/// Error: `unknown_instruction_set` (lists those of this processor).
Status use_instruction_set(std::string_view name);

/// Whether int8 products may use AVX512-VNNI.
bool vnni_in_use();

}  // namespace trinity::cpu
