// Cutting rows into register tiles, shared by the product kernels. Included once for each
// instruction set, inside its namespace; hence no include guard and no includes.
//
// A tile type has `kMaxRows` and `template <int R> void run(row, c, ldc)`, which computes R rows
// from `row` on and writes (or adds to) a panel's width of results at c. It is a function of its
// own, not inlined: a dozen sizes in one function would take a compiler minutes.

/// Calls tile.run<R> for R = `rows`, known at run time only.
template <int R, class Tile>
HWY_INLINE void run_tile(const Tile& tile, int64_t rows, int64_t row, float* c, int64_t ldc) {
  if constexpr (R > 0) {
    if (rows == R) return tile.template run<R>(row, c, ldc);
    run_tile<R - 1>(tile, rows, row, c, ldc);
  }
}

/// All rows in tiles of nearly equal size. `y` is row 0 of the panel's first column in a matrix
/// with `ldc` columns, of which the panel owns `cols`; where that is less than its width, results
/// go through `spare` [kMaxTileRows][width]. `first` says that nothing is there yet.
template <class Tile>
HWY_INLINE void for_tiles(const Tile& tile, int64_t rows, float* y, int64_t ldc, int64_t cols,
                          int64_t width, bool first, float* spare) {
  const int64_t tiles = (rows + Tile::kMaxRows - 1) / Tile::kMaxRows;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t row = rows * t / tiles, count = rows * (t + 1) / tiles - row;
    float* c = y + row * ldc;
    if (cols == width) {
      run_tile<Tile::kMaxRows>(tile, count, row, c, ldc);
      continue;
    }
    const auto bytes = static_cast<size_t>(cols) * sizeof(float);
    if (!first)
      for (int64_t r = 0; r < count; ++r) std::memcpy(spare + r * width, c + r * ldc, bytes);
    run_tile<Tile::kMaxRows>(tile, count, row, spare, width);
    for (int64_t r = 0; r < count; ++r) std::memcpy(c + r * ldc, spare + r * width, bytes);
  }
}
