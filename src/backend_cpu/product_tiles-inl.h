// Walking over a task's blocks of k and panels, and cutting rows into register tiles: shared by the
// product kernels. Included once for each instruction set, inside its namespace; hence no include
// guard and no includes.
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

/// One panel's part of one block of k: where its operands and results lie.
struct PanelBlock {
  const std::byte* x;  // the task's first row
  const std::byte* w;
  int64_t kc;    // k in this block
  float* y;      // the task's first row, the panel's first column
  int64_t cols;  // columns that the panel owns
  bool first, last;
};

/// `k` is where the block begins, `width` a panel's outputs; sizes are bytes of one input and of
/// one weight.
HWY_INLINE PanelBlock panel_block(const ProductTask& task, int64_t k, int64_t panel, int64_t width,
                                  int64_t input_size, int64_t weight_size) {
  PanelBlock block;
  block.first = k == 0;
  block.last = task.in - k <= backend::exact::kProductBlock;
  block.kc = block.last ? task.in - k : backend::exact::kProductBlock;
  block.x =
      task.inputs + (k * task.rows + task.row_begin * backend::exact::kProductBlock) * input_size;
  block.w = task.weights + (k * task.panels + panel * block.kc) * width * weight_size;
  block.y = task.y + task.row_begin * task.out + panel * width;
  block.cols = (panel + 1) * width <= task.out ? width : task.out - panel * width;
  return block;
}

/// Where for_tiles may put a tile's results, behind the widened panel.
HWY_INLINE float* spare_tile(const ProductTask& task) {
  return reinterpret_cast<float*>(task.scratch) + backend::exact::kProductBlock * kMaxPanelWidth;
}
