#include "provider/pool_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/printable.h"
#include "base/try.h"
#include "provider/demo_member.h"

namespace trinity::provider {
namespace {

constexpr std::size_t kLongestKey = 64 << 10;

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_source(const std::string& text) {
  return text.starts_with("env:") || text.starts_with("file:");
}

Result<Secret> secret_of(const std::string& source, const std::string& member,
                         const Environment& environment) {
  std::string value;
  if (source.starts_with("env:")) {
    const std::string name = source.substr(4);
    value = trimmed(environment ? environment(name).value_or("") : std::string());
    if (value.empty())
      return fail(ErrorKind::missing, "missing_key",
                  fmt::format("the environment variable {} that member {} names for its key is not "
                              "set: export it, or change `key` in the pool file",
                              printable(name, 60), printable(member, 60)));
  } else {
    TRINITY_TRY(std::string text, read_text_file(source.substr(5), kLongestKey));
    value = trimmed(text);
    if (value.empty())
      return fail(ErrorKind::missing, "missing_key",
                  fmt::format("{}, which member {} names for its key, is empty",
                              printable(source.substr(5), 200), printable(member, 60)));
  }
  // It goes into a line of a header.
  if (value.find_first_of("\r\n") != std::string::npos || value.find('\0') != std::string::npos)
    return fail(ErrorKind::invalid_input, "invalid_key",
                fmt::format("the key of member {} has more than one line: keep it alone in its "
                            "file or variable",
                            printable(member, 60)));
  return Secret(std::move(value));
}

}  // namespace

const char* member_kind_name(MemberKind kind) {
  switch (kind) {
    case MemberKind::openai:
      return "openai";
    case MemberKind::anthropic:
      return "anthropic";
    case MemberKind::gemini:
      return "gemini";
    case MemberKind::demo:
      return "demo";
    case MemberKind::scripted:
      return "scripted";
  }
  return "openai";
}

std::vector<std::pair<std::string, bool Capabilities::*>> capability_names() {
  return {
      {"tools", &Capabilities::tools},         {"vision", &Capabilities::vision},
      {"audio", &Capabilities::audio},         {"files", &Capabilities::files},
      {"json", &Capabilities::json},           {"schema", &Capabilities::schema},
      {"reasoning", &Capabilities::reasoning}, {"developer_role", &Capabilities::developer_role},
      {"logprobs", &Capabilities::logprobs},   {"choices", &Capabilities::choices}};
}

const MemberConfig* PoolConfig::find(std::string_view name) const {
  for (const MemberConfig& member : members)
    if (member.name == name) return &member;
  return nullptr;
}

Result<std::vector<std::string>> slot_table(const PoolConfig& pool, std::int64_t num_agents) {
  std::vector<std::string> table;
  for (std::int64_t slot = 0; slot < num_agents; ++slot) {
    const auto named = pool.slots.find(slot);
    if (named != pool.slots.end()) {
      table.push_back(named->second);
    } else if (!pool.other_slots.empty()) {
      table.push_back(pool.other_slots);
    } else if (pool.slots.empty() && slot < static_cast<std::int64_t>(pool.members.size())) {
      table.push_back(pool.members[static_cast<std::size_t>(slot)].name);
    } else {
      return fail(ErrorKind::invalid_input, "pool_smaller_than_head",
                  fmt::format("{}: slot {} of the head's {} has no member: add members, or write "
                              "others = \"{}\" under [slots]",
                              printable(pool.source, 200), slot, num_agents,
                              pool.members.empty() ? "..." : printable(pool.members[0].name, 60)));
    }
  }
  return table;
}

Status resolve_keys(PoolConfig& pool, const Environment& environment) {
  for (MemberConfig& member : pool.members) {
    if (!member.key_source.empty()) {
      TRINITY_TRY(member.key, secret_of(member.key_source, member.name, environment));
    }
    for (const auto& [name, value] : member.headers) {
      if (is_source(value)) {
        TRINITY_TRY(member.secret_headers[name], secret_of(value, member.name, environment));
      }
    }
  }
  return {};
}

Result<PoolConfig> pool_of_specs(const SpecPool& specs, const SlotMap& slots) {
  PoolConfig pool;
  pool.source = "specs";
  for (const ProviderSpec& spec : specs) {
    if (!spec.enabled) continue;
    MemberConfig member;
    member.name = spec.name;
    member.model = spec.model;
    member.timeout = std::chrono::milliseconds(spec.timeout_ms);
    member.defaults.max_tokens = spec.max_tokens;
    member.defaults.temperature = spec.temperature;
    std::string url;
    switch (spec.provider) {
      case Provider::openai:
      case Provider::openai_compatible:
        url = "https://api.openai.com/v1";
        member.key_source = "env:OPENAI_API_KEY";
        break;
      case Provider::anthropic:
        member.kind = MemberKind::anthropic;
        url = "https://api.anthropic.com/v1";
        member.key_source = "env:ANTHROPIC_API_KEY";
        break;
      case Provider::gemini:
      case Provider::gemini_ex:
        member.kind = MemberKind::gemini;
        url = "https://generativelanguage.googleapis.com/v1beta";
        member.key_source = "env:GEMINI_API_KEY";
        break;
      case Provider::mock:
        member.kind = MemberKind::scripted;
        break;
      case Provider::asm_provider:
      case Provider::agent_session_manager:
        return fail(ErrorKind::unsupported, "unsupported_provider",
                    fmt::format("provider {} ({}) is a session of a command-line agent, which this "
                                "program does not run: give the slot to a model with an HTTP "
                                "interface",
                                spec.id, printable(spec.name, 60)));
    }
    if (spec.base_url) url = *spec.base_url;
    while (url.ends_with('/')) url.pop_back();
    if (!url.empty()) {
      TRINITY_TRY(member.url, net::parse_url(url));
    }
    pool.members.push_back(std::move(member));
  }
  for (std::size_t slot = 0; slot < specs.size(); ++slot) {
    if (slots.empty() && specs[slot].enabled) pool.slots[specs[slot].id] = specs[slot].name;
  }
  for (const auto& [slot, id] : slots) {
    TRINITY_TRY(const ProviderSpec spec, spec_of_slot(specs, id));
    pool.slots[slot] = spec.name;
  }
  return pool;
}

PoolConfig demo_pool_config() {
  PoolConfig pool;
  pool.source = "demo";
  for (const std::string& persona : demo::persona_names()) {
    MemberConfig member;
    member.name = persona;
    member.kind = MemberKind::demo;
    member.model = persona;
    member.persona = persona;
    member.context = 32'768;
    member.price = Price{};
    pool.slots[static_cast<std::int64_t>(pool.members.size())] = persona;
    pool.members.push_back(std::move(member));
  }
  return pool;
}

}  // namespace trinity::provider
