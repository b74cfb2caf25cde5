#include "provider/pool_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/file.h"
#include "base/printable.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "provider/toml_text.h"

namespace trinity::provider {
namespace {

using Kind = TomlValue::Kind;

constexpr std::size_t kLargestFile = 1 << 20;
constexpr std::int64_t kMostTokens = 1'000'000'000;
constexpr std::int64_t kMostMilliseconds = 86'400'000;

/// Messages that begin with where they are about.
class Place {
 public:
  explicit Place(std::string file) : file_(std::move(file)) {}

  tl::unexpected<Error> wrong(int line, std::string message) const {
    return fail(ErrorKind::invalid_input, "invalid_pool_file",
                fmt::format("{}:{}: {}", file_, line, std::move(message)));
  }
  tl::unexpected<Error> wrong_type(const TomlValue& value, std::string_view key,
                                   std::string_view wanted) const {
    return wrong(value.line, fmt::format("{} is {}, not {}", key, wanted, value.kind_name()));
  }
  tl::unexpected<Error> unknown(int line, std::string_view what, std::string_view word,
                                const std::vector<std::string>& known) const {
    return wrong(line, fmt::format("there is no {} {}{}; known are {}", what, printable(word, 60),
                                   did_you_mean(word, known), fmt::join(known, ", ")));
  }

 private:
  std::string file_;
};

Status read_text(const Place& place, const TomlValue& value, std::string_view key,
                 std::string& text) {
  if (value.kind != Kind::text) return place.wrong_type(value, key, "a text");
  if (value.text.find_first_not_of(" \t\r\n") == std::string::npos)
    return place.wrong(value.line, fmt::format("{} is empty: fill it in or leave it out", key));
  text = value.text;
  return {};
}

template <typename Number>
Status read_whole(const Place& place, const TomlValue& value, std::string_view key,
                  std::int64_t least, std::int64_t most, Number& number) {
  if (value.kind != Kind::integer) return place.wrong_type(value, key, "a whole number");
  if (value.integer < least || value.integer > most)
    return place.wrong(value.line, fmt::format("{} = {} is out of range: {} to {} is possible", key,
                                               value.integer, least, most));
  number = Number(value.integer);
  return {};
}

Status read_real(const Place& place, const TomlValue& value, std::string_view key, double least,
                 double most, std::optional<double>& number) {
  if (value.kind != Kind::integer && value.kind != Kind::real)
    return place.wrong_type(value, key, "a number");
  if (!(value.real >= least && value.real <= most))
    return place.wrong(value.line, fmt::format("{} = {} is out of range: {} to {} is possible", key,
                                               value.real, least, most));
  number = value.real;
  return {};
}

Status read_texts(const Place& place, const TomlValue& value, std::string_view key,
                  std::vector<std::string>& texts) {
  if (value.kind != Kind::list) return place.wrong_type(value, key, "a list of texts");
  for (const TomlValue& item : value.items) {
    std::string text;
    TRINITY_CHECK(read_text(place, item, key, text));
    texts.push_back(std::move(text));
  }
  return {};
}

/// Where a key comes from. A key itself is never repeated, not even to say that it does not belong
/// into a file that people copy and commit.
Status read_source(const Place& place, const TomlValue& value, std::string_view key,
                   std::string& source) {
  if (value.kind != Kind::text)
    return place.wrong_type(value, key, "\"env:NAME\" or \"file:/path\"");
  const std::string& text = value.text;
  const bool known = (text.starts_with("env:") && text.size() > 4) ||
                     (text.starts_with("file:") && text.size() > 5);
  if (!known)
    return place.wrong(value.line,
                       fmt::format("{} says where the key is, not what it is: write \"env:NAME\" "
                                   "for an environment variable or \"file:/path\" for a file",
                                   key));
  source = text;
  return {};
}

Status read_price(const Place& place, const TomlValue& value, std::optional<Price>& price) {
  if (value.kind != Kind::table)
    return place.wrong_type(
        value, "price", "a table such as { input = 0.15, output = 0.6 } in USD a million tokens");
  static const std::vector<std::string> known = {"input", "output", "cached_input"};
  std::optional<double> usd[3];
  for (const auto& [key, member] : value.members) {
    const auto found = std::find(known.begin(), known.end(), key);
    if (found == known.end()) return place.unknown(member.line, "key of a price", key, known);
    TRINITY_CHECK(read_real(place, member, "price." + key, 0, 1e6, usd[found - known.begin()]));
  }
  if (!usd[0] || !usd[1])
    return place.wrong(value.line,
                       "a price has input and output, in USD a million tokens (0 for nothing)");
  const auto micro = [](double amount) { return std::llround(amount * 1e6); };
  price = Price{micro(*usd[0]), micro(*usd[1]), std::nullopt};
  if (usd[2]) price->cached_input = micro(*usd[2]);
  return {};
}

Status read_capabilities(const Place& place, const TomlValue& value, Capabilities& capabilities) {
  std::vector<std::string> texts, known;
  TRINITY_CHECK(read_texts(place, value, "capabilities", texts));
  const auto names = capability_names();
  for (const auto& [name, where] : names) known.push_back(name);
  for (const std::string& text : texts) {
    const auto found = std::find(known.begin(), known.end(), text);
    if (found == known.end()) return place.unknown(value.line, "capability", text, known);
    capabilities.*names[static_cast<std::size_t>(found - known.begin())].second = true;
  }
  return {};
}

Status read_headers(const Place& place, const TomlValue& value, MemberConfig& member) {
  if (value.kind != Kind::table) return place.wrong_type(value, "headers", "a table of texts");
  for (const auto& [name, text] : value.members) {
    std::string field;
    TRINITY_CHECK(read_text(place, text, "headers." + printable(name, 40), field));
    const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '-' || c == '_';
    });
    if (!token || field.find_first_of("\r\n") != std::string::npos ||
        field.find('\0') != std::string::npos)
      return place.wrong(text.line, fmt::format("headers.{} cannot stand in a request: names are "
                                                "letters, digits, - and _; values one line",
                                                printable(name, 40)));
    member.headers[name] = field;
  }
  return {};
}

Status read_milliseconds(const Place& place, const TomlValue& value, std::string_view key,
                         std::chrono::milliseconds& time) {
  return read_whole(place, value, key, 1, kMostMilliseconds, time);
}

const std::vector<std::string>& member_keys() {
  static const std::vector<std::string> keys = {"name",
                                                "kind",
                                                "url",
                                                "model",
                                                "key",
                                                "context",
                                                "max_output",
                                                "capabilities",
                                                "price",
                                                "max_parallel",
                                                "max_waiting",
                                                "retries",
                                                "timeout_ms",
                                                "body",
                                                "connect_timeout_ms",
                                                "idle_timeout_ms",
                                                "forward",
                                                "headers",
                                                "persona",
                                                "max_tokens_field"};
  return keys;
}

Status read_field(const Place& place, const std::string& key, const TomlValue& value,
                  MemberConfig& member) {
  if (key == "name") return read_text(place, value, key, member.name);
  if (key == "model") return read_text(place, value, key, member.model);
  if (key == "persona") return read_text(place, value, key, member.persona);
  if (key == "key") return read_source(place, value, key, member.key_source);
  if (key == "price") return read_price(place, value, member.price);
  if (key == "capabilities") return read_capabilities(place, value, member.capabilities);
  if (key == "headers") return read_headers(place, value, member);
  if (key == "context") return read_whole(place, value, key, 1, kMostTokens, member.context);
  if (key == "max_output") return read_whole(place, value, key, 1, kMostTokens, member.max_output);
  if (key == "max_parallel") return read_whole(place, value, key, 1, 10'000, member.max_parallel);
  if (key == "max_waiting") return read_whole(place, value, key, 0, 100'000, member.max_waiting);
  if (key == "retries") return read_whole(place, value, key, 0, 10, member.retries);
  if (key == "timeout_ms") return read_milliseconds(place, value, key, member.timeout);
  if (key == "connect_timeout_ms")
    return read_milliseconds(place, value, key, member.connect_timeout);
  if (key == "idle_timeout_ms") return read_milliseconds(place, value, key, member.idle_timeout);
  if (key == "forward") return read_texts(place, value, key, member.forward.emplace());
  if (key == "max_tokens_field") {
    TRINITY_CHECK(read_text(place, value, key, member.max_tokens_field));
    static const std::vector<std::string> known = {"max_tokens", "max_completion_tokens"};
    if (std::find(known.begin(), known.end(), member.max_tokens_field) == known.end())
      return place.unknown(value.line, "max_tokens_field", member.max_tokens_field, known);
    return {};
  }
  if (key == "body") {
    if (value.kind != Kind::table) return place.wrong_type(value, key, "a table");
    member.body = toml_json(value);
    return {};
  }
  if (key == "kind") {
    std::string text;
    TRINITY_CHECK(read_text(place, value, key, text));
    static const std::vector<std::string> known = {"openai", "anthropic", "gemini", "demo",
                                                   "scripted"};
    const auto found = std::find(known.begin(), known.end(), text);
    if (found == known.end()) return place.unknown(value.line, "kind", text, known);
    member.kind = static_cast<MemberKind>(found - known.begin());
    return {};
  }
  if (key == "url") {
    std::string text;
    TRINITY_CHECK(read_text(place, value, key, text));
    while (text.ends_with('/')) text.pop_back();
    Result<net::Url> url = net::parse_url(text);
    if (!url) return place.wrong(value.line, url.error().message);
    member.url = std::move(*url);
    return {};
  }
  return place.unknown(value.line, "key of a member", key, member_keys());
}

Status complete(const Place& place, MemberConfig& member) {
  if (member.name.empty())
    return place.wrong(member.line, "a member has a name: write name = \"...\" under [[member]]");
  const bool remote = member.kind != MemberKind::demo && member.kind != MemberKind::scripted;
  if (member.model.empty()) {
    if (remote)
      return place.wrong(member.line,
                         fmt::format("member {} has no model: write model = \"...\" as its server "
                                     "names it",
                                     printable(member.name, 60)));
    member.model = member.name;
  }
  if (remote && member.url.text.empty()) {
    const char* own = member.kind == MemberKind::openai      ? "https://api.openai.com/v1"
                      : member.kind == MemberKind::anthropic ? "https://api.anthropic.com/v1"
                                                             : "https://generativelanguage."
                                                               "googleapis.com/v1beta";
    if (member.key_source.empty() && member.headers.empty())
      return place.wrong(member.line,
                         fmt::format("member {} has no url and no key: write url = "
                                     "\"http://127.0.0.1:8080/v1\" for a server of your own, or "
                                     "key = \"env:NAME\" for {}",
                                     printable(member.name, 60), own));
    TRINITY_TRY(member.url, net::parse_url(own));
  }
  if (member.context && member.max_output && *member.max_output >= *member.context)
    return place.wrong(
        member.line, fmt::format("member {}: max_output {} leaves no room for a prompt in a "
                                 "context of {}",
                                 printable(member.name, 60), *member.max_output, *member.context));
  return {};
}

Status read_members(const Place& place, const TomlValue& value, PoolConfig& pool) {
  if (value.kind != Kind::list)
    return place.wrong(value.line, "members are written as [[member]], with two brackets");
  std::map<std::string, int> lines;
  for (const TomlValue& table : value.items) {
    if (table.kind != Kind::table) return place.wrong_type(table, "member", "a table");
    MemberConfig member;
    member.line = table.line;
    for (const auto& [key, field] : table.members)
      TRINITY_CHECK(read_field(place, key, field, member));
    TRINITY_CHECK(complete(place, member));
    const auto [first, fresh] = lines.emplace(member.name, member.line);
    if (!fresh)
      return place.wrong(member.line,
                         fmt::format("line {} has a member {} already: give each its own name",
                                     first->second, printable(member.name, 60)));
    pool.members.push_back(std::move(member));
  }
  return {};
}

Status read_slots(const Place& place, const TomlValue& value, PoolConfig& pool) {
  if (value.kind != Kind::table) return place.wrong_type(value, "slots", "a table");
  std::vector<std::string> names;
  for (const MemberConfig& member : pool.members) names.push_back(member.name);
  for (const auto& [key, field] : value.members) {
    std::string name;
    TRINITY_CHECK(read_text(place, field, "slots." + key, name));
    if (!pool.find(name)) return place.unknown(field.line, "member", name, names);
    if (key == "others") {
      pool.other_slots = name;
      continue;
    }
    std::int64_t slot = -1;
    const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), slot);
    if (error != std::errc() || stop != key.data() + key.size() || slot < 0 || slot > 9'999)
      return place.wrong(field.line, fmt::format("{} is no slot: slots are numbers from 0 on, or "
                                                 "others for all that are not named",
                                                 printable(key, 60)));
    pool.slots[slot] = name;
  }
  return {};
}

Status read_role(const Place& place, const std::string& role, const TomlValue& value,
                 chat::Sampling& sampling) {
  if (value.kind != Kind::table) return place.wrong_type(value, "roles." + role, "a table");
  static const std::vector<std::string> known = {"temperature",
                                                 "top_p",
                                                 "top_k",
                                                 "max_tokens",
                                                 "seed",
                                                 "presence_penalty",
                                                 "frequency_penalty",
                                                 "reasoning_effort",
                                                 "stop"};
  for (const auto& [key, field] : value.members) {
    const std::string path = "roles." + role + "." + key;
    if (key == "temperature") {
      TRINITY_CHECK(read_real(place, field, path, 0, 10, sampling.temperature));
    } else if (key == "top_p") {
      TRINITY_CHECK(read_real(place, field, path, 0, 1, sampling.top_p));
    } else if (key == "presence_penalty") {
      TRINITY_CHECK(read_real(place, field, path, -2, 2, sampling.presence_penalty));
    } else if (key == "frequency_penalty") {
      TRINITY_CHECK(read_real(place, field, path, -2, 2, sampling.frequency_penalty));
    } else if (key == "top_k") {
      TRINITY_CHECK(read_whole(place, field, path, 1, kMostTokens, sampling.top_k));
    } else if (key == "max_tokens") {
      TRINITY_CHECK(read_whole(place, field, path, 1, kMostTokens, sampling.max_tokens));
    } else if (key == "seed") {
      TRINITY_CHECK(read_whole(place, field, path, 0, INT64_MAX, sampling.seed));
    } else if (key == "reasoning_effort") {
      TRINITY_CHECK(read_text(place, field, path, sampling.reasoning_effort));
    } else if (key == "stop") {
      TRINITY_CHECK(read_texts(place, field, path, sampling.stop));
    } else {
      return place.unknown(field.line, "key of a role", key, known);
    }
  }
  return {};
}

Status read_roles(const Place& place, const TomlValue& value, PoolConfig& pool) {
  if (value.kind != Kind::table) return place.wrong_type(value, "roles", "a table");
  static const std::vector<std::string> known = {"Thinker", "Worker", "Verifier"};
  for (const auto& [role, table] : value.members) {
    if (std::find(known.begin(), known.end(), role) == known.end())
      return place.unknown(table.line, "role", role, known);
    TRINITY_CHECK(read_role(place, role, table, pool.roles[role]));
  }
  return {};
}

}  // namespace

Result<PoolConfig> read_pool_text(std::string_view text, const std::string& name) {
  const std::string shown = printable(name, 200);
  Result<TomlValue> file = parse_toml(text);
  if (!file) return fail_in(shown, std::move(file.error()));
  const Place place(shown);
  PoolConfig pool;
  pool.source = name;
  static const std::vector<std::string> known = {"member", "slots", "roles"};
  for (const auto& [key, value] : file->members)
    if (std::find(known.begin(), known.end(), key) == known.end())
      return place.unknown(value.line, "part of a pool file", key, known);
  // Members first: the others name them.
  if (const TomlValue* members = file->find("member"))
    TRINITY_CHECK(read_members(place, *members, pool));
  if (pool.members.empty())
    return place.wrong(1,
                       "the pool has no members: write a [[member]] with name, kind, url and "
                       "model (docs/pool.md has one to copy)");
  if (const TomlValue* slots = file->find("slots")) TRINITY_CHECK(read_slots(place, *slots, pool));
  if (const TomlValue* roles = file->find("roles")) TRINITY_CHECK(read_roles(place, *roles, pool));
  return pool;
}

Result<PoolConfig> read_pool_file(const std::filesystem::path& path) {
  TRINITY_TRY(const std::string text, read_text_file(path, kLargestFile));
  return read_pool_text(text, path.string());
}

}  // namespace trinity::provider
