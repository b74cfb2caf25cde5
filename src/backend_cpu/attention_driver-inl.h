// The online-softmax loop of one attention item, shared by the f32 and bf16 kernels.
//
// Included inside a namespace whose functions are compiled for the kernel's instruction set; hence
// no include guard and no includes of its own. The kernel supplies
//   struct Kernel {
//     using Value = ...;                       // element of queries, keys, values, probabilities
//     template <int R> static void scores(const Value* const* q, const std::byte* const*
//     key_groups,
//                                         int64_t groups, int64_t dim, float* s);   // s[R][64]
//     template <int R> static void softmax(const float* s, const int64_t* visible, int64_t groups,
//                                          float scale, float* maxima, float* sums, Value* p,
//                                          float* rescale);   // s, p: [R][64]; the rest [R]
//     template <int R> static void accumulate(const Value* p, const std::byte* const* value_pages,
//                                             const int64_t* visible, int64_t padded_dim,
//                                             const float* rescale, float* o);   // p[R][64],
//                                             o[R][padded_dim]
//     static void finish(const float* o, float sum, int64_t dim, Element element,
//                        std::byte* out);   // out = o / sum, in `element`
//   };

template <class Kernel, int R>
TRINITY_ATTENTION_INLINE void attend_tile(const AttentionItem& item, int64_t block, int64_t row,
                                          const std::byte* const* key_groups,
                                          const std::byte* const* value_pages, int64_t dim,
                                          int64_t padded_dim, float scale, float* maxima,
                                          float* sums, float* o) {
  using Value = typename Kernel::Value;
  alignas(64) float s[R * kBlockKeys];
  alignas(64) Value p[R * kBlockKeys];
  float rescale[R];
  const Value* q[R];
  int64_t visible[R];
  int64_t most = 0;
  for (int r = 0; r < R; ++r) {
    const int64_t position = (row + r) / item.group, head = (row + r) % item.group;
    q[r] = reinterpret_cast<const Value*>(item.q) + position * item.q_stride + head * dim;
    const int64_t seen = item.first_position + position + 1 - block * kBlockKeys;
    visible[r] = seen < 0 ? 0 : seen > kBlockKeys ? kBlockKeys : seen;
    if (visible[r] > most) most = visible[r];
  }
  if (most == 0) return;
  const int64_t groups = (most + kGroupTokens - 1) / kGroupTokens;
  Kernel::template scores<R>(q, key_groups, groups, dim, s);
  Kernel::template softmax<R>(s, visible, groups, scale, maxima + row, sums + row, p, rescale);
  Kernel::template accumulate<R>(p, value_pages, visible, padded_dim, rescale,
                                 o + row * padded_dim);
}

template <class Kernel>
TRINITY_ATTENTION_INLINE void attend_item(const AttentionItem& item, float* scratch) {
  const PageLayout& layout = item.kv->layout();
  const int64_t dim = layout.head_dim, padded_dim = layout.padded_dim();
  const int64_t rows = item.positions * item.group;
  const int64_t element = element_size(layout.element);
  const int64_t visible = item.first_position + item.positions;  // keys the last position sees
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(dim));
  float* maxima = scratch;
  float* sums = maxima + rows;
  float* o = scratch + (2 * rows + 15) / 16 * 16;
  for (int64_t i = 0; i < rows; ++i) {
    maxima[i] = -__builtin_inff();
    sums[i] = 0;
  }
  for (int64_t i = 0; i < rows * padded_dim; ++i) o[i] = 0;

  for (int64_t block = 0; block * kBlockKeys < visible; ++block) {
    const std::byte* key_groups[kBlockKeys / kGroupTokens] = {};
    const std::byte* value_pages[kBlockKeys / kPageTokens] = {};
    for (int64_t i = 0; i < kBlockKeys / kPageTokens; ++i) {
      const int64_t page = block * (kBlockKeys / kPageTokens) + i;
      if (page * kPageTokens >= visible) break;
      const std::byte* keys = item.kv->keys(item.layer, item.kv_head, page);
      for (int64_t g = 0; g < kPageTokens / kGroupTokens; ++g)
        key_groups[i * (kPageTokens / kGroupTokens) + g] = keys + g * kGroupTokens * dim * element;
      value_pages[i] = item.kv->values(item.layer, item.kv_head, page);
    }
    int64_t row = 0;
    for (; row + kTileRows <= rows; row += kTileRows)
      attend_tile<Kernel, kTileRows>(item, block, row, key_groups, value_pages, dim, padded_dim,
                                     scale, maxima, sums, o);
    for (; row + 2 <= rows; row += 2)
      attend_tile<Kernel, 2>(item, block, row, key_groups, value_pages, dim, padded_dim, scale,
                             maxima, sums, o);
    for (; row < rows; ++row)
      attend_tile<Kernel, 1>(item, block, row, key_groups, value_pages, dim, padded_dim, scale,
                             maxima, sums, o);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t to = row / item.group * item.out_stride + row % item.group * dim;
    Kernel::finish(o + row * padded_dim, sums[row], dim, item.out_element,
                   item.out + to * element_size(item.out_element));
  }
}
