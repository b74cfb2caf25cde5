#include "backend_cpu/instruction_sets.h"

#include <hwy/highway.h>

#include <atomic>

#include "backend_cpu/cpu_features.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::cpu {
namespace {

struct InstructionSet {
  const char* name;
  int64_t target;  // of Highway's, with all lesser ones
  bool vnni;
};

constexpr int64_t kPlain = HWY_SCALAR | HWY_EMU128;

/// From the least to the best.
constexpr InstructionSet kSets[] = {{"plain", kPlain, false},
#if HWY_ARCH_X86
                                    {"avx2", HWY_AVX2, false},
                                    {"avx512", HWY_AVX3, false},
                                    {"avx512vnni", HWY_AVX3, true}
#else
                                    {"neon", HWY_NEON, false}
#endif
};

#if HWY_ARCH_X86
// The lower a target, the better. One between would round a product and its sum apart.
static_assert((HWY_TARGETS & ~(kPlain | (2 * HWY_AVX2 - 1))) == 0,
              "kernels are compiled for an instruction set without a fused multiply-add");
#endif

bool processor_has(const InstructionSet& set) {
  if (set.target == kPlain) return true;
  // What Highway would use if nothing were narrowed.
  static const int64_t targets = [] {
    hwy::SetSupportedTargetsForTest(0);
    return hwy::SupportedTargets() & HWY_TARGETS;
  }();
  return (targets & set.target) != 0 && (!set.vnni || cpu_features().avx512_vnni);
}

std::atomic<bool> vnni_allowed{true};

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet& set : kSets)
    if (processor_has(set)) names.emplace_back(set.name);
  return names;
}

Status use_instruction_set(std::string_view name) {
  int64_t targets = 0;
  std::string known;
  for (const InstructionSet& set : kSets) {
    if (!processor_has(set)) continue;
    targets |= set.target;
    known += (known.empty() ? "" : ", ") + std::string(set.name);
    if (name != set.name) continue;
    vnni_allowed = set.vnni;
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    return {};
  }
  if (!name.empty())
    return fail(ErrorKind::usage, "unknown_instruction_set",
                "this processor has no instruction set \"" + excerpt(name) + "\"; it has " + known);
  vnni_allowed = true;
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return {};
}

std::string instruction_set_in_use() {
  std::string best = "plain";
  for (const InstructionSet& set : kSets)
    if (processor_has(set) && (hwy::SupportedTargets() & set.target) != 0 &&
        (!set.vnni || vnni_allowed))
      best = set.name;
  return best;
}

bool vnni_in_use() { return vnni_allowed && cpu_features().avx512_vnni; }

}  // namespace trinity::cpu
