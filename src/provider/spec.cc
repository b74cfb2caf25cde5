#include "provider/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/json.h"
#include "base/printable.h"
#include "base/try.h"

namespace trinity::provider {
namespace {

constexpr const char* kProviderNames[] = {
    "openai", "openai_compatible",     "gemini", "gemini_ex", "anthropic",
    "asm",    "agent_session_manager", "mock"};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Symbols are written with a colon before them where they are printed.
std::string_view without_colon(std::string_view text) {
  return text.starts_with(':') ? text.substr(1) : text;
}

const Json* field(const Json& entry, std::string_view key) {
  for (const auto& [name, value] : entry.items())
    if (without_colon(name) == key) return value.is_null() ? nullptr : &value;
  return nullptr;
}

std::optional<std::int64_t> whole_number(const Json& value) {
  if (const auto number = value.to_int64()) return number;
  const std::string* text = value.to_string();
  if (!text) return std::nullopt;
  const std::string_view digits = trimmed(*text);
  std::int64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && stop == end && !digits.empty() ? std::optional(number)
                                                                : std::nullopt;
}

std::optional<double> real_number(const Json& value) {
  if (const auto number = value.to_double()) return number;
  const std::string* text = value.to_string();
  if (!text) return std::nullopt;
  const std::string_view digits = trimmed(*text);
  double number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && stop == end && !digits.empty() ? std::optional(number)
                                                                : std::nullopt;
}

tl::unexpected<Error> wrong(std::string tag, std::string message) {
  return fail(ErrorKind::invalid_input, std::move(tag), std::move(message));
}

std::string shown(const Json& value) { return printable(json_text(value), 200); }

Status read_positive(const Json& entry, std::string_view key, std::int64_t& number) {
  const Json* value = field(entry, key);
  if (!value) return {};
  const std::optional<std::int64_t> read = whole_number(*value);
  if (!read)
    return wrong("invalid_integer", fmt::format("invalid integer value {} of {}: give a whole "
                                                "number above 0",
                                                shown(*value), key));
  number = *read;
  return {};
}

}  // namespace

const char* provider_name(Provider provider) {
  return kProviderNames[static_cast<std::size_t>(provider)];
}

Result<Provider> parse_provider(std::string_view text) {
  std::string name(without_colon(trimmed(text)));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  for (std::size_t i = 0; i < std::size(kProviderNames); ++i)
    if (name == kProviderNames[i]) return static_cast<Provider>(i);
  return wrong("unknown_provider",
               fmt::format("unknown provider {}: write one of {}", printable(text, 80),
                           fmt::join(kProviderNames, ", ")));
}

Result<ProviderSpec> read_spec(const Json& entry) {
  if (!entry.is_object())
    return wrong("invalid_provider_entry",
                 fmt::format("invalid provider entry {}: an entry of a pool is an object with id, "
                             "provider and model",
                             shown(entry)));
  ProviderSpec spec;
  const Json* id = field(entry, "id");
  const std::optional<std::int64_t> number = id ? whole_number(*id) : std::nullopt;
  if (!number || *number < 0)
    return wrong("invalid_id", fmt::format("invalid id {}: write a whole number from 0 on",
                                           id ? shown(*id) : "that is missing"));
  spec.id = *number;

  const Json* provider = field(entry, "provider");
  if (!provider || !provider->is_string())
    return wrong("unknown_provider", fmt::format("unknown provider {} of entry {}: write one of {}",
                                                 provider ? shown(*provider) : "(none)", spec.id,
                                                 fmt::join(kProviderNames, ", ")));
  TRINITY_TRY(spec.provider, parse_provider(provider->as_string()));

  if (const Json* name = field(entry, "name")) {
    if (!name->is_string() || trimmed(name->as_string()).empty())
      return wrong("unknown_provider_name",
                   fmt::format("unknown provider name {} of entry {}: write a text that is not "
                               "blank, or leave it out",
                               shown(*name), spec.id));
    spec.name = without_colon(trimmed(name->as_string()));
  }
  if (const Json* model = field(entry, "model")) spec.model = model->as_string();
  if (const Json* url = field(entry, "base_url")) {
    if (!url->is_string() || url->as_string().empty())
      return wrong("invalid_base_url",
                   fmt::format("invalid base_url of entry {}: write an address, or null", spec.id));
    spec.base_url = url->as_string();
  }
  TRINITY_CHECK(read_positive(entry, "timeout_ms", spec.timeout_ms));
  TRINITY_CHECK(read_positive(entry, "max_tokens", spec.max_tokens));
  if (const Json* temperature = field(entry, "temperature")) {
    const std::optional<double> read = real_number(*temperature);
    if (!read)
      return wrong("invalid_number",
                   fmt::format("invalid number value {} of temperature: give a number from 0 on",
                               shown(*temperature)));
    spec.temperature = *read;
  }
  if (const Json* metadata = field(entry, "metadata")) {
    if (!metadata->is_object())
      return wrong("invalid_provider_entry",
                   fmt::format("invalid provider entry {}: its metadata is no object", spec.id));
    spec.metadata = *metadata;
  }
  if (const Json* enabled = field(entry, "enabled")) {
    if (!enabled->is_boolean())
      return wrong("invalid_provider_entry",
                   fmt::format("invalid provider entry {}: enabled is true or false, not {}",
                               spec.id, shown(*enabled)));
    spec.enabled = enabled->as_bool();
  }
  return checked_spec(std::move(spec));
}

Result<ProviderSpec> checked_spec(ProviderSpec spec) {
  if (spec.id < 0)
    return wrong("invalid_id",
                 fmt::format("invalid id {}: write a whole number from 0 on", spec.id));
  if (trimmed(spec.model).empty())
    return wrong("invalid_model",
                 fmt::format("model cannot be empty (entry {}): name the model to ask", spec.id));
  for (const auto& [key, value] :
       {std::pair("timeout_ms", spec.timeout_ms), std::pair("max_tokens", spec.max_tokens)})
    if (value <= 0)
      return wrong("invalid_integer", fmt::format("invalid integer value {} of {}: give a whole "
                                                  "number above 0",
                                                  value, key));
  if (!std::isfinite(spec.temperature) || spec.temperature < 0)
    return wrong("invalid_number",
                 fmt::format("invalid number value {} of temperature: give a number from 0 on",
                             spec.temperature));
  if (spec.base_url && spec.base_url->empty())
    return wrong("invalid_base_url",
                 fmt::format("invalid base_url of entry {}: write an address, or none", spec.id));
  if (spec.name.empty()) {
    spec.name = fmt::format("agent_{}", spec.id);
  } else if (trimmed(spec.name).empty()) {
    return wrong("unknown_provider_name",
                 fmt::format("unknown provider name of entry {}: it is blank", spec.id));
  }
  return spec;
}

Result<SpecPool> read_pool(const Json& list) {
  if (!list.is_array())
    return wrong("invalid_pool", fmt::format("a pool is a list of providers, not {}: write an "
                                             "array of objects, or the name of a pool",
                                             shown(list)));
  SpecPool specs;
  for (const Json& entry : list) {
    TRINITY_TRY(ProviderSpec spec, read_spec(entry));
    specs.push_back(std::move(spec));
  }
  return checked_pool(std::move(specs));
}

Result<SpecPool> checked_pool(SpecPool specs) {
  for (ProviderSpec& spec : specs) {
    TRINITY_TRY(spec, checked_spec(std::move(spec)));
  }
  std::stable_sort(specs.begin(), specs.end(),
                   [](const ProviderSpec& a, const ProviderSpec& b) { return a.id < b.id; });
  TRINITY_CHECK(check_pool(specs));
  return specs;
}

Status check_pool(const SpecPool& specs) {
  std::set<std::int64_t> ids;
  for (const ProviderSpec& spec : specs)
    if (!ids.insert(spec.id).second)
      return wrong("duplicate_provider_ids",
                   fmt::format("two providers have the id {}: give each its own", spec.id));
  std::set<std::string> names;
  for (const ProviderSpec& spec : specs)
    if (!names.insert(spec.name).second)
      return wrong("duplicate_provider_names",
                   fmt::format("two providers have the name {}: give each its own",
                               printable(spec.name, 80)));
  // Ids are unique here, so the largest tells whether one is left out.
  if (ids.empty() || *ids.rbegin() != static_cast<std::int64_t>(ids.size()) - 1)
    return wrong(
        "non_contiguous_ids",
        fmt::format("the ids of a pool are 0 to its size less 1, without gaps; there {} "
                    "{} of them{}",
                    ids.size() == 1 ? "is" : "are", ids.size(),
                    ids.empty() ? "" : fmt::format(" and the largest is {}", *ids.rbegin())));
  for (const ProviderSpec& spec : specs)
    if (spec.provider == Provider::openai_compatible && !spec.base_url)
      return wrong("invalid_openai_compatible_spec",
                   fmt::format("provider {} ({}) is openai_compatible and has no base_url: say "
                               "where it listens",
                               spec.id, printable(spec.name, 80)));
  return {};
}

Json spec_json(const ProviderSpec& spec) {
  return {{"id", spec.id},
          {"name", spec.name},
          {"provider", provider_name(spec.provider)},
          {"model", spec.model},
          {"base_url", spec.base_url},
          {"timeout_ms", spec.timeout_ms},
          {"max_tokens", spec.max_tokens},
          {"temperature", spec.temperature},
          {"metadata", spec.metadata},
          {"enabled", spec.enabled}};
}

const NamedPools& built_in_pools() {
  static const NamedPools pools = [] {
    NamedPools made;
    const char* const hosted[] = {"fast_openai",    "default_reasoning", "compact_reasoning",
                                  "backup_openai",  "fast_openai_2",     "reasoner_2",
                                  "fallback_openai"};
    const std::string session_model = "gemini-3.1-flash-lite-preview";
    for (std::int64_t id = 0; id < 7; ++id) {
      ProviderSpec spec;
      spec.id = id;
      spec.name = hosted[id];
      spec.model = "gpt-4o-mini";
      made["default"].push_back(spec);

      spec.name = fmt::format("mock_{}", id);
      spec.provider = Provider::mock;
      spec.model = fmt::format("mock-agent-{}", id);
      made["mock"].push_back(spec);

      spec.name = fmt::format("gemini_cli_asm_{}", id);
      spec.provider = Provider::asm_provider;
      spec.model = session_model;
      spec.timeout_ms = 180'000;
      spec.max_tokens = 256;
      spec.temperature = 0;
      spec.metadata = {{"inference_provider", "gemini"},
                       {"query_opts", {{"lane", "sdk"}}},
                       {"stream_timeout_ms", 180'000},
                       {"model_payload",
                        {{"provider", "gemini"},
                         {"requested_model", session_model},
                         {"resolved_model", session_model},
                         {"resolution_source", "explicit"},
                         {"model_family", "gemini"},
                         {"catalog_version", "trinity-manual-2026-04-29"},
                         {"visibility", "public"},
                         {"model_source", "external"}}}};
      made["gemini_cli_asm"].push_back(spec);
    }
    return made;
  }();
  return pools;
}

Result<SpecPool> named_pool(std::string_view name, const NamedPools& configured) {
  const NamedPools& pools = configured.empty() ? built_in_pools() : configured;
  const auto found = pools.find(std::string(without_colon(name)));
  if (found == pools.end()) {
    std::vector<std::string> names;
    for (const auto& [known, unused] : pools) names.push_back(known);
    return wrong("unknown_pool", fmt::format("there is no pool {}: name one of {}",
                                             printable(name, 80), fmt::join(names, ", ")));
  }
  return checked_pool(found->second);
}

Result<ProviderSpec> spec_of_slot(const SpecPool& pool, std::int64_t slot, const SlotMap& slots) {
  const auto mapped = slots.find(slot);
  if (!slots.empty() && mapped == slots.end())
    return wrong("unknown_agent", fmt::format("the slot map has no entry for agent {}", slot));
  const std::int64_t id = slots.empty() ? slot : mapped->second;
  const auto found = std::find_if(pool.begin(), pool.end(),
                                  [&](const ProviderSpec& spec) { return spec.id == id; });
  if (found == pool.end())
    return wrong(
        "unknown_agent",
        fmt::format("there is no agent {} in this pool of {}: ids begin at 0", id, pool.size()));
  if (!found->enabled)
    return wrong("provider_disabled",
                 fmt::format("provider {} ({}) is disabled: enable it, or map its slot to another",
                             id, printable(found->name, 80)));
  return *found;
}

Status check_pool_size(const SpecPool& pool, std::int64_t num_agents, const SlotMap& slots) {
  if (slots.empty()) {
    if (static_cast<std::int64_t>(pool.size()) < num_agents)
      return wrong("pool_smaller_than_head",
                   fmt::format("the pool has {} providers and the head chooses among {}: add the "
                               "others, or map slots to the ones there are",
                               pool.size(), num_agents));
    return {};
  }
  for (std::int64_t slot = 0; slot < num_agents; ++slot) {
    const auto mapped = slots.find(slot);
    const bool known = mapped != slots.end() &&
                       std::any_of(pool.begin(), pool.end(), [&](const ProviderSpec& spec) {
                         return spec.id == mapped->second;
                       });
    if (!known)
      return wrong("unknown_agent",
                   fmt::format("slot {} of the head leads to {}: the slot map must name a provider "
                               "of the pool for each of its {} slots",
                               slot,
                               mapped == slots.end()
                                   ? std::string("nothing")
                                   : fmt::format("id {}, which is not in the pool", mapped->second),
                               num_agents));
  }
  return {};
}

}  // namespace trinity::provider
