// The CPU lanes' small parts: block recycling, rotation tables, page layout, row conversion.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "backend/op_inputs.h"
#include "backend_cpu/buffer_pool.h"
#include "backend_cpu/kv_pages.h"
#include "backend_cpu/rope_table.h"
#include "backend_cpu/row_kernels.h"

namespace trinity::testing {
namespace {

using cpu::Element;

bool aligned(const void* address) { return reinterpret_cast<uintptr_t>(address) % 64 == 0; }

TEST(BufferPool, BlocksAreAlignedDistinctAndWritable) {
  const auto pool = cpu::BufferPool::create();
  std::vector<std::shared_ptr<std::byte[]>> blocks;
  std::vector<size_t> sizes;
  for (size_t size = 1; size < (size_t{5} << 20); size = size * 2 + size / 3 + 1) {
    for (const size_t bytes : {size - 1, size, size + 1}) {
      blocks.push_back(pool->take(bytes));
      sizes.push_back(bytes);
      ASSERT_TRUE(aligned(blocks.back().get()));
      std::memset(blocks.back().get(), static_cast<int>(blocks.size()), bytes);
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i)
    for (const size_t at : {size_t{0}, sizes[i] / 2, sizes[i] - (sizes[i] > 0)})
      if (sizes[i] > 0) {
        EXPECT_EQ(blocks[i][static_cast<std::ptrdiff_t>(at)], static_cast<std::byte>(i + 1));
      }
}

TEST(BufferPool, AFreedBlockIsHandedOutAgainForItsSizeClass) {
  const auto pool = cpu::BufferPool::create();
  for (const size_t bytes :
       {size_t{1}, size_t{256}, size_t{257}, size_t{384}, size_t{385}, size_t{100000}}) {
    auto block = pool->take(bytes);
    const void* address = block.get();
    block.reset();
    EXPECT_EQ(pool->take(bytes).get(), address) << bytes;
  }
}

TEST(BufferPool, NoClassWastesMoreThanAThird) {
  // Equal classes recycle each other's blocks: find the sizes around a class border by doing so.
  const auto pool = cpu::BufferPool::create();
  for (const size_t bytes : {size_t{1000}, size_t{1537}, size_t{12289}, size_t{50000}}) {
    auto block = pool->take(bytes);
    const void* address = block.get();
    block.reset();
    const auto smaller = pool->take(bytes * 2 / 3 - 1);  // would waste more than a third
    EXPECT_NE(smaller.get(), address) << bytes;
  }
}

TEST(BufferPool, BlocksMayOutliveThePool) {
  auto pool = cpu::BufferPool::create();
  auto block = pool->take(5000);
  pool.reset();
  std::memset(block.get(), 1, 5000);
  block.reset();  // freed, not returned
}

TEST(BufferPool, LargeBlocksFromTheSystemAreZeroed) {
  for (const size_t bytes :
       {size_t{1}, size_t{4096}, (size_t{2} << 20) - 1, size_t{2} << 20, (size_t{4} << 20) + 3}) {
    const auto block = cpu::allocate_block(bytes);
    ASSERT_TRUE(aligned(block.get()));
    for (size_t i = 0; i < bytes; i += 997)
      ASSERT_EQ(block[static_cast<std::ptrdiff_t>(i)], std::byte{0});
  }
}

TEST(RopeTable, FollowsTheFormulaInF32AnglesAndDoubleFunctions) {
  for (const auto& [head_dim, theta] :
       {std::pair<int64_t, double>{128, 1e6}, {22, 1e4}, {2, 500}}) {
    cpu::RopeTable table(head_dim, theta);
    EXPECT_EQ(table.head_dim(), head_dim);
    EXPECT_EQ(table.rope(), backend::Rope(theta));
    int64_t reserved = 0;
    for (const int64_t count : {1, 2, 33, 34, 1000, 40960}) {
      table.reserve(count);
      for (int64_t position = std::max<int64_t>(0, reserved - 2);
           position<count; position += count> 100 ? 37 : 1)
        for (int64_t i = 0; i < head_dim / 2; ++i) {
          const auto inverse_frequency = static_cast<float>(
              std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim)));
          const double angle = static_cast<float>(position) * inverse_frequency;
          const int64_t at = position * (head_dim / 2) + i;
          ASSERT_NEAR(table.cosines()[at], std::cos(angle), 6e-8) << position << " " << i;
          ASSERT_NEAR(table.sines()[at], std::sin(angle), 6e-8) << position << " " << i;
        }
      reserved = count;
    }
  }
}

TEST(RopeTable, KeepsEarlierPositionsWhenItGrows) {
  cpu::RopeTable small(32, 1e6), grown(32, 1e6);
  small.reserve(500);
  for (const int64_t count : {1, 5, 3, 100, 101, 500}) grown.reserve(count);
  EXPECT_EQ(std::memcmp(small.cosines(), grown.cosines(), 500 * 16 * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(small.sines(), grown.sines(), 500 * 16 * sizeof(float)), 0);
}

TEST(PageLayout, RegionsDoNotOverlapAndStayAligned) {
  for (const Element element : {Element::f32, Element::bf16})
    for (const int64_t head_dim : {2, 16, 22, 32, 64, 128}) {
      const cpu::PageLayout layout{element, 3, head_dim};
      const int64_t size = cpu::element_size(element);
      EXPECT_GE(layout.padded_dim(), head_dim);
      EXPECT_EQ(layout.padded_dim() % 16, 0);
      EXPECT_LT(layout.padded_dim() - head_dim, 16);
      EXPECT_EQ(layout.key_bytes(), 32 * head_dim * size);
      EXPECT_GE(layout.head_bytes(), layout.key_bytes() + 32 * layout.padded_dim() * size);
      EXPECT_EQ(layout.head_bytes() % 64, 0);
      EXPECT_EQ(layout.page_bytes(), 3 * layout.head_bytes());
    }
}

TEST(PagedKvCache, ForksShareFullPagesAndCopyThePartlyFilledOneWhenTheyGrow) {
  const auto pool = cpu::BufferPool::create();
  const cpu::PageLayout layout{Element::f32, 1, 16};
  const auto bytes = static_cast<size_t>(layout.page_bytes());
  cpu::PagedKvCache kv(layout, 2, pool);
  kv.grow(0, 80);
  kv.grow(1, 80);
  for (int64_t layer = 0; layer < 2; ++layer)
    std::memset(kv.keys(layer, 0, 2), static_cast<int>(7 + layer), bytes);
  const auto forked = kv.fork(70);
  auto& fork = static_cast<cpu::PagedKvCache&>(*forked);
  const auto shares = [&](int64_t layer, int64_t page) {
    return fork.keys(layer, 0, page) == kv.keys(layer, 0, page);
  };
  for (int64_t layer = 0; layer < 2; ++layer)
    for (int64_t page = 0; page < 3; ++page) EXPECT_TRUE(shares(layer, page));
  EXPECT_EQ(fork.bytes(), 2u * 3u * bytes);
  const std::byte* before = kv.keys(0, 0, 2);
  fork.grow(0, 71);
  EXPECT_FALSE(shares(0, 2));
  EXPECT_TRUE(shares(1, 2)) << "this layer has not grown";
  EXPECT_EQ(kv.keys(0, 0, 2), before) << "the original keeps its page";
  EXPECT_EQ(std::memcmp(fork.keys(0, 0, 2), before, bytes), 0);
  kv.grow(1, 81);  // or the original grows first
  EXPECT_FALSE(shares(1, 2));
  EXPECT_EQ(std::memcmp(fork.keys(1, 0, 2), kv.keys(1, 0, 2), bytes), 0);
  EXPECT_TRUE(shares(0, 1) && shares(1, 1));
  const auto whole = kv.fork(64);
  EXPECT_EQ(static_cast<cpu::PagedKvCache&>(*whole).keys(0, 0, 1), kv.keys(0, 0, 1));
}

TEST(PagedKvCache, SharesThePagesOfAnotherThatHoldsTheSame) {
  const auto pool = cpu::BufferPool::create();
  const cpu::PageLayout layout{Element::f32, 1, 16};
  cpu::PagedKvCache a(layout, 2, pool), b(layout, 2, pool);
  for (int64_t layer = 0; layer < 2; ++layer) {
    a.grow(layer, 100);
    b.grow(layer, 80);
  }
  b.share(a, 70);
  EXPECT_EQ(b.keys(0, 0, 0), a.keys(0, 0, 0));
  EXPECT_EQ(b.keys(1, 0, 1), a.keys(1, 0, 1));
  EXPECT_NE(b.keys(1, 0, 2), a.keys(1, 0, 2)) << "not full of what both hold";
  EXPECT_EQ(b.length(0), 80);
  EXPECT_EQ(b.page_tokens(), 32);
  EXPECT_EQ(b.page_bytes(), 2u * static_cast<size_t>(layout.page_bytes()));
}

TEST(Bf16Rows, RoundToNearestEvenLikeTheScalarConversion) {
  prove::InputStream inputs(4);
  std::vector<float> x = inputs.normal(1000, 3);
  for (uint32_t bits : {0x3F808000u, 0x3F818000u, 0xBF808000u, 0x3F807FFFu, 0x00000001u,
                        0x80000000u, 0x7F7FFFFFu, 0x7F800000u})
    x.push_back(std::bit_cast<float>(bits));
  const auto cols = static_cast<int64_t>(x.size());
  std::vector<uint16_t> got(x.size());
  cpu::convert_rows({x.data(), cols}, cols, {got.data(), cols, Element::bf16}, {0, 1});
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(got[i], bf16_from_f32(x[i])) << x[i];
}

TEST(RowKernels, TouchOnlyTheirRows) {
  const int64_t rows = 9, cols = 75;
  prove::InputStream inputs(5);
  const auto x = inputs.normal(rows * cols);
  std::vector<float> out(x.size(), -77.0f);
  cpu::add_rows({x.data(), cols}, {x.data(), cols}, cols, {out.data(), cols, Element::f32}, {3, 6});
  for (int64_t i = 0; i < rows * cols; ++i) {
    const bool inside = i / cols >= 3 && i / cols < 6;
    EXPECT_EQ(out[static_cast<size_t>(i)], inside ? 2 * x[static_cast<size_t>(i)] : -77.0f);
  }
}

TEST(RowKernels, SiluOfAnyFiniteGate) {
  std::vector<float> gate = {0.0f,     -0.0f,   1e-30f,  -1e-30f, 88.7f,   -88.7f, 89.0f,
                             -89.0f,   -104.0f, -150.0f, 178.0f,  -178.0f, 179.0f, -179.0f,
                             -1000.0f, 1e4f,    -1e4f,   1e20f,   -1e20f,  1e38f,  -1e38f};
  for (float z = -400; z < 400; z += 0.61f) gate.push_back(z);
  const auto cols = static_cast<int64_t>(gate.size());
  const std::vector<float> up(gate.size(), 1.0f);
  std::vector<float> out(gate.size());
  cpu::silu_mul_rows({gate.data(), cols}, {up.data(), cols}, cols, {out.data(), cols, Element::f32},
                     {0, 1});
  for (size_t i = 0; i < gate.size(); ++i) {
    const double want = double{gate[i]} / (1 + std::exp(-double{gate[i]}));
    EXPECT_NEAR(out[i], want, 1e-6 * std::abs(want) + 1e-35) << "silu(" << gate[i] << ")";
  }
}

}  // namespace
}  // namespace trinity::testing
