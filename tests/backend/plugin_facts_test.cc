// What a plugin says of itself: every slot, name and size, in memory.
#include "backend_plugin/plugin_facts.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>

#include "backend/plugin_header_test.h"
#include "backend_plugin/plugin_text.h"
#include "base/utf8.h"

namespace trinity::testing {
namespace {

constexpr size_t kSlots = TRINITY_PLUGIN_CALLBACK_COUNT_V1;
constexpr size_t kMandatory = 14;

/// Addresses that are never called.
trinity_plugin_callbacks_v1 table_of(const std::array<uintptr_t, kSlots>& slots) {
  return std::bit_cast<trinity_plugin_callbacks_v1>(slots);
}

std::array<uintptr_t, kSlots> full_table() {
  std::array<uintptr_t, kSlots> slots;
  for (size_t i = 0; i < kSlots; ++i) slots[i] = 0x1000 + i;
  return slots;
}

std::string tag_with(const std::array<uintptr_t, kSlots>& slots, std::string name = "one") {
  const trinity_plugin_callbacks_v1 callbacks = table_of(slots);
  trinity_plugin_descriptor_v1 descriptor{};
  descriptor.name = name.c_str();
  descriptor.exactness = TRINITY_PLUGIN_BIT_STABLE;
  descriptor.callback_count = kSlots;
  descriptor.callbacks = &callbacks;
  const trinity_plugin_bootstrap_v1 bootstrap{
      TRINITY_PLUGIN_MAGIC_V1, sizeof(trinity_plugin_bootstrap_v1), TRINITY_PLUGIN_ABI_VERSION,
      sizeof(trinity_plugin_descriptor_v1), &descriptor};
  const auto facts = plugin::read_plugin_facts(&bootstrap, "here");
  return facts ? "accepted" : facts.error().tag;
}

TEST(PluginFacts, EveryMandatoryCallbackMustBeThereAndEveryOtherMayBeMissing) {
  ASSERT_EQ(tag_with(full_table()), "accepted");
  for (size_t slot = 0; slot < kSlots; ++slot) {
    auto slots = full_table();
    slots[slot] = 0;
    // linear_split may only be missing together with mlp, which is the last one.
    if (slot == 16) {
      EXPECT_EQ(tag_with(slots), "plugin_missing_callback");
      slots[19] = 0;
    }
    EXPECT_EQ(tag_with(slots), slot < kMandatory ? "plugin_missing_callback" : "accepted") << slot;
  }
}

TEST(PluginFacts, EveryPairOfSlotsNeedsTwoFunctions) {
  for (size_t a = 0; a < kSlots; ++a)
    for (size_t b = 0; b < a; ++b) {
      auto slots = full_table();
      slots[a] = slots[b];
      EXPECT_EQ(tag_with(slots), "plugin_duplicate_callback") << a << " " << b;
    }
}

TEST(PluginFacts, NamesAreOfWordCharactersDotsAndDashes) {
  for (int byte = 1; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool inside = word || c == '_' || c == '-' || c == '.';
    EXPECT_EQ(tag_with(full_table(), std::string("n") + c), inside ? "accepted" : "plugin_bad_name")
        << byte;
    EXPECT_EQ(tag_with(full_table(), std::string(1, c)), word ? "accepted" : "plugin_bad_name")
        << byte;
  }
  for (const size_t length : {1, 127, 128, 129, 5000})
    EXPECT_EQ(tag_with(full_table(), std::string(length, 'x')),
              length <= 128 ? "accepted" : "plugin_bad_name")
        << length;
}

TEST(PluginText, NothingIsReadBehindTheLimitAndNoControlCharacterIsLeft) {
  // A text without an end, and behind it memory that may not be read.
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t limit = TRINITY_PLUGIN_MAX_ERROR, size = (limit / page + 1) * page;
  auto* memory = static_cast<char*>(
      mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory + size, page, PROT_NONE), 0);
  char* text = memory + size - (limit + 1);
  for (size_t i = 0; i <= limit; ++i) text[i] = static_cast<char>(i % 255 + 1);
  const std::string shown = plugin::foreign_text(text, limit);
  EXPECT_LE(shown.size(), limit);
  EXPECT_TRUE(shown.ends_with("..."));
  EXPECT_TRUE(is_valid_utf8(shown));
  for (const char c : shown) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  EXPECT_EQ(shown.find("\xC2\x80"), std::string::npos);
  munmap(memory, size + page);

  EXPECT_EQ(plugin::foreign_text(nullptr, limit), "");
  EXPECT_EQ(plugin::foreign_text("a\x1b[1m\xC2\x9B\xC3\xA4z", limit), "a\\x1b[1m\\u009b\xC3\xA4z");
  EXPECT_EQ(plugin::foreign_text("exactly", 7), "exactly");
  EXPECT_EQ(plugin::foreign_text("exactly!", 7), "exac...");
}

TEST(PluginHeader, ACCompilerSeesTheSameLayout) {
  const std::array<size_t, 14> want = {sizeof(trinity_plugin_tensor),
                                       sizeof(trinity_plugin_matrix),
                                       sizeof(trinity_plugin_options),
                                       sizeof(trinity_plugin_attention_shape),
                                       sizeof(trinity_plugin_slice),
                                       sizeof(trinity_plugin_exactness),
                                       sizeof(trinity_plugin_callbacks_v1),
                                       sizeof(trinity_plugin_descriptor_v1),
                                       sizeof(trinity_plugin_bootstrap_v1),
                                       offsetof(trinity_plugin_slice, values),
                                       offsetof(trinity_plugin_callbacks_v1, mlp),
                                       offsetof(trinity_plugin_descriptor_v1, callbacks),
                                       offsetof(trinity_plugin_bootstrap_v1, descriptor),
                                       static_cast<size_t>(TRINITY_PLUGIN_MAGIC_V1)};
  const size_t* in_c = nullptr;
  ASSERT_EQ(plugin_header_facts_in_c(&in_c), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(in_c[i], want[i]) << i;
}

TEST(PluginHeader, TheMagicReadsAsItsName) {
  const uint64_t magic = TRINITY_PLUGIN_MAGIC_V1;
  EXPECT_EQ(std::memcmp(&magic, "TRBPLN01", 8), 0);
}

}  // namespace
}  // namespace trinity::testing
