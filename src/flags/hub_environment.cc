#include "flags/hub_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "net/url.h"
#include "terminal/output.h"

namespace trinity::flags {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHub = "https://huggingface.co";
constexpr std::size_t kMaxTokenFileBytes = 4096;

std::string trimmed(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  return text;
}

/// "~/x" as a shell reads it: values also come from files that no shell has read.
fs::path path_of(const std::string& text) {
  const std::string home = environment({"HOME"});
  if (home.empty() || (text != "~" && !text.starts_with("~/"))) return text;
  return home + text.substr(1);
}

/// The folder of the hub's client: cache, token. Empty when none is known.
fs::path hub_home() {
  if (const std::string home = environment({"HF_HOME"}); !home.empty()) return path_of(home);
  if (const std::string cache = environment({"XDG_CACHE_HOME"}); !cache.empty())
    return path_of(cache) / "huggingface";
  if (const std::string home = environment({"HOME"}); !home.empty())
    return fs::path(home) / ".cache" / "huggingface";
  return {};
}

bool is_set(const char* name) {
  std::string value = environment({name});
  for (char& c : value)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return value == "1" || value == "true" || value == "yes" || value == "on";
}

}  // namespace

std::string environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    if (std::string text = trimmed(value); !text.empty()) return text;
  }
  return {};
}

Result<std::string> hub_endpoint() {
  const std::string endpoint = environment({"HF_ENDPOINT"});
  if (endpoint.empty()) return kHub;
  if (auto made = hub::make_endpoint(endpoint, {}); !made)
    return fail_in("HF_ENDPOINT", std::move(made.error()));
  return endpoint;
}

fs::path hub_cache_folder() {
  if (const std::string cache = environment({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
      !cache.empty())
    return path_of(cache);
  const fs::path home = hub_home();
  return home.empty() ? home : home / "hub";
}

bool hub_offline() { return is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE"); }

hub::AccessToken hub_token(const std::string& home) {
  hub::AccessToken token;
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    token.text = environment({name});
    token.name = name;
    if (!token.text.empty()) return token;
  }
  if (is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return token;
  const std::string named = environment({"HF_TOKEN_PATH"});
  const fs::path folder = hub_home();
  if (named.empty() && folder.empty()) return token;
  const fs::path file = named.empty() ? folder / "token" : path_of(named);
  auto text = read_text_file(file, kMaxTokenFileBytes);
  if (!text) {
    if (text.error().tag != "missing_file")
      terminal::note("no token is sent: " + std::move(text.error().message));
    return token;
  }
  token.text = trimmed(std::move(*text));
  token.name = excerpt(file.string());
  token.home = home;
  if (!std::all_of(token.text.begin(), token.text.end(),
                   [](char c) { return c > 0x20 && c < 0x7f; })) {
    terminal::note(fmt::format(
        "no token is sent: {} holds characters that no token has; log in again", token.name));
    token = {};
  }
  return token;
}

}  // namespace trinity::flags
