// The loops of product_vnni.h over a vector type V of 16 int32 lanes:
//   using Vector; static Vector load(const void*), start(const int32_t*), broadcast(const void*);
//   static void store(int32_t*, Vector); static Vector add(Vector, Vector);
//   static Vector dot(Vector sum, Vector unsigned_bytes, Vector signed_bytes);
//   static void store_scaled(float*, Vector sum, float row_scale, const float* col_scale);
// The instruction set is a parameter so that the same loops can be tested without it. Included
// inside a namespace whose functions are compiled for V; hence no include guard and no includes.

inline constexpr int64_t kVnniWidth = 32;
inline constexpr int kVnniRows = 12;  // 24 of 32 registers hold sums
inline constexpr int64_t kVnniPrefetch = 4096;

template <class V>
struct VnniTile {
  static constexpr int kMaxRows = kVnniRows;
  const uint8_t* x;
  const std::byte* w;
  int64_t fours;
  bool first, last;
  const int32_t* start;    // of the panel's columns
  const float* row_scale;  // of row 0
  const float* col_scale;

  template <int R>
  __attribute__((noinline)) void run(int64_t row, float* c, int64_t ldc) const {
    typename V::Vector low[R], high[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      auto* sums = reinterpret_cast<int32_t*>(c + r * ldc);
      low[r] = V::start(first ? start : sums);
      high[r] = V::start(first ? start + 16 : sums + 16);
    }
    const uint8_t* from = x + row * backend::exact::kProductBlock;
    for (int64_t k = 0; k < fours; ++k) {
      const std::byte* weights = w + k * 4 * kVnniWidth;
      const auto w0 = V::load(weights), w1 = V::load(weights + 64);
      __builtin_prefetch(weights + kVnniPrefetch);
      __builtin_prefetch(weights + kVnniPrefetch + 64);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const auto value = V::broadcast(from + r * backend::exact::kProductBlock + 4 * k);
        low[r] = V::dot(low[r], value, w0);
        high[r] = V::dot(high[r], value, w1);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      float* to = c + r * ldc;
      if (last) {
        V::store_scaled(to, low[r], row_scale[row + r], col_scale);
        V::store_scaled(to + 16, high[r], row_scale[row + r], col_scale + 16);
      } else {
        V::store(reinterpret_cast<int32_t*>(to), low[r]);
        V::store(reinterpret_cast<int32_t*>(to + 16), high[r]);
      }
    }
  }
};

template <class V>
inline void multiply_vnni(const ProductTask& task) {
  const int64_t rows = task.row_end - task.row_begin;
  for (int64_t k = 0; k < task.in; k += backend::exact::kProductBlock)
    for (int64_t panel = task.panel_begin; panel < task.panel_end; ++panel) {
      const PanelBlock at = panel_block(task, k, panel, kVnniWidth, 1, 1);
      const VnniTile<V> tile{reinterpret_cast<const uint8_t*>(at.x),
                             at.w,
                             at.kc / 4,
                             at.first,
                             at.last,
                             task.col_start + panel * kVnniWidth,
                             task.row_scale + task.row_begin,
                             task.col_scale + panel * kVnniWidth};
      for_tiles(tile, rows, at.y, task.out, at.cols, kVnniWidth, at.first, spare_tile(task));
    }
}
