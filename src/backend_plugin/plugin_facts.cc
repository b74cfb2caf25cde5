#include "backend_plugin/plugin_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "backend_plugin/plugin_text.h"
#include "base/try.h"

namespace trinity::plugin {
namespace {

constexpr std::size_t kSlots = TRINITY_PLUGIN_CALLBACK_COUNT_V1;
constexpr std::size_t kMandatory = 14;  // the slots of the table that may not be NULL come first
constexpr std::size_t kMaxMetadata = 256;

/// In the order of the table.
constexpr std::array<const char*, kSlots> kSlotNames = {
    "create",      "destroy",      "release",      "prepare_linear", "prepare_norm",
    "upload",      "download",     "linear",       "rms_norm",       "rope",
    "add",         "silu_mul",     "select_rows",  "attention",      "weight_bytes",
    "synchronize", "linear_split", "add_rms_norm", "norm_rope",      "mlp"};
static_assert(offsetof(trinity_plugin_callbacks_v1, weight_bytes) == kMandatory * sizeof(void*));

tl::unexpected<Error> refuse(const char* tag, const std::string& where, const std::string& why) {
  return fail(ErrorKind::invalid_input, tag,
              fmt::format("{} is not a usable backend plugin: {}", where, why));
}

template <typename Record>
bool is_aligned(const Record* pointer) {
  return std::bit_cast<std::uintptr_t>(pointer) % alignof(Record) == 0;
}

Status check_bootstrap(const trinity_plugin_bootstrap_v1& b, const std::string& where) {
  if (b.magic != TRINITY_PLUGIN_MAGIC_V1)
    return refuse(
        "plugin_bad_magic", where,
        fmt::format("its magic is {:#x} instead of {:#x}", b.magic, TRINITY_PLUGIN_MAGIC_V1));
  if (b.bootstrap_size != sizeof(trinity_plugin_bootstrap_v1))
    return refuse("plugin_bad_size", where,
                  fmt::format("its bootstrap has {} bytes instead of {}", b.bootstrap_size,
                              sizeof(trinity_plugin_bootstrap_v1)));
  if (b.abi_version != TRINITY_PLUGIN_ABI_VERSION)
    return fail(ErrorKind::unsupported, "plugin_unsupported_version",
                fmt::format("{} speaks version {} of the plugin interface, but this program "
                            "version {}; build it against this program's backend_plugin.h",
                            where, b.abi_version, TRINITY_PLUGIN_ABI_VERSION));
  if (b.descriptor_size != sizeof(trinity_plugin_descriptor_v1))
    return refuse("plugin_bad_size", where,
                  fmt::format("its descriptor has {} bytes instead of {}", b.descriptor_size,
                              sizeof(trinity_plugin_descriptor_v1)));
  if (b.descriptor == nullptr || !is_aligned(b.descriptor))
    return refuse("plugin_bad_descriptor", where, "its descriptor is NULL or misaligned");
  return {};
}

/// The slots as bare addresses: version 1 is a row of function pointers and nothing else.
std::array<std::uintptr_t, kSlots> addresses(const trinity_plugin_callbacks_v1& callbacks) {
  return std::bit_cast<std::array<std::uintptr_t, kSlots>>(callbacks);
}

Status check_callbacks(const trinity_plugin_callbacks_v1& callbacks, const std::string& where) {
  const auto slots = addresses(callbacks);
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (slots[i] == 0 && i < kMandatory)
      return refuse("plugin_missing_callback", where,
                    fmt::format("its callback {} is NULL", kSlotNames[i]));
    for (std::size_t j = 0; j < i; ++j)
      if (slots[i] != 0 && slots[i] == slots[j])
        return refuse("plugin_duplicate_callback", where,
                      fmt::format("{} and {} are one function; give each slot its own",
                                  kSlotNames[j], kSlotNames[i]));
  }
  if (callbacks.mlp != nullptr && callbacks.linear_split == nullptr)
    return refuse("plugin_missing_callback", where,
                  "mlp takes stacked weights and therefore needs linear_split");
  return {};
}

}  // namespace

bool PluginFacts::fused() const {
  return callbacks.linear_split != nullptr || callbacks.add_rms_norm != nullptr ||
         callbacks.norm_rope != nullptr || callbacks.mlp != nullptr;
}

bool is_plugin_name(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= TRINITY_PLUGIN_MAX_NAME && is_word(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_word(c) || c == '_' || c == '-' || c == '.'; });
}

Result<PluginFacts> read_plugin_facts(const trinity_plugin_bootstrap_v1* given,
                                      const std::string& where) {
  if (given == nullptr || !is_aligned(given))
    return refuse("plugin_bad_bootstrap", where, "its bootstrap is NULL or misaligned");
  const trinity_plugin_bootstrap_v1 bootstrap = *given;
  TRINITY_CHECK(check_bootstrap(bootstrap, where));
  const trinity_plugin_descriptor_v1 descriptor = *bootstrap.descriptor;

  if (descriptor.name == nullptr) return refuse("plugin_bad_name", where, "it has no name");
  PluginFacts facts;
  facts.name.assign(descriptor.name, strnlen(descriptor.name, TRINITY_PLUGIN_MAX_NAME + 1));
  if (!is_plugin_name(facts.name))
    return refuse("plugin_bad_name", where,
                  fmt::format("its name \"{}\" is not 1 to {} of A-Z a-z 0-9 _ - . beginning with "
                              "a letter or digit",
                              foreign_text(descriptor.name, TRINITY_PLUGIN_MAX_NAME),
                              TRINITY_PLUGIN_MAX_NAME));
  if (descriptor.exactness == TRINITY_PLUGIN_BIT_STABLE)
    facts.exactness = backend::Exactness::bit_stable;
  else if (descriptor.exactness != TRINITY_PLUGIN_DECISION_STABLE)
    return refuse("plugin_bad_descriptor", where,
                  fmt::format("its exactness is {}, which means nothing", descriptor.exactness));

  if (descriptor.callback_count > TRINITY_PLUGIN_MAX_CALLBACKS)
    return refuse("plugin_too_many_callbacks", where,
                  fmt::format("it states {} callbacks, more than the {} that any version may have",
                              descriptor.callback_count, TRINITY_PLUGIN_MAX_CALLBACKS));
  if (descriptor.callback_count != kSlots)
    return refuse(
        "plugin_bad_callback_count", where,
        fmt::format("its table has {} callbacks instead of {}", descriptor.callback_count, kSlots));
  if (descriptor.callbacks == nullptr || !is_aligned(descriptor.callbacks))
    return refuse("plugin_bad_descriptor", where, "its table of callbacks is NULL or misaligned");
  facts.callbacks = *descriptor.callbacks;
  TRINITY_CHECK(check_callbacks(facts.callbacks, where));

  facts.version = foreign_text(descriptor.version, kMaxMetadata);
  facts.description = foreign_text(descriptor.description, kMaxMetadata);
  facts.device = foreign_text(descriptor.device, kMaxMetadata);
  facts.dtype_policy = foreign_text(descriptor.dtype_policy, kMaxMetadata);
  return facts;
}

}  // namespace trinity::plugin
