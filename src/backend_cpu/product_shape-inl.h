// The register tile of the Highway product kernels. Included once for each instruction set, inside
// its namespace and after exact_math-inl.h; hence no include guard and no includes.

inline constexpr int64_t kWidth = 2 * kLanes16;  // two registers of outputs
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3  // and what newer Highways add: the better, the lower
inline constexpr int kTileRows = 12;        // 24 of 32 registers hold sums
#elif HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
inline constexpr int kTileRows = 2;
#elif HWY_ARCH_ARM_A64
inline constexpr int kTileRows = 10;  // 20 of 32 registers
#else
inline constexpr int kTileRows = 6;  // 12 of 16 registers
#endif
static_assert(kTileRows <= kMaxTileRows && kWidth <= kMaxPanelWidth);

inline constexpr int64_t kPrefetchBytes = 2048;  // ahead in the stream of weights
