#include "provider/upstream_dialect.h"

#include <fmt/format.h>

#include <algorithm>

#include "chat/anthropic.h"
#include "chat/gemini.h"
#include "chat/openai_chat.h"

namespace trinity::provider {
namespace {

/// A name as a part of a path.
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

class OpenAiReader : public StreamReader {
 public:
  Result<std::optional<chat::Delta>> read(std::string_view data) override {
    return chat::openai::read_chunk(data);
  }
};

class OpenAiDialect : public UpstreamDialect {
 public:
  chat::Dialect dialect() const override { return chat::Dialect::openai_chat; }
  std::string target(const MemberConfig& member, bool) const override {
    return member.url.text + "/chat/completions";
  }
  std::string models_target(const MemberConfig& member) const override {
    return member.url.text + "/models";
  }
  void add_fields(const MemberConfig& member, net::Fields& fields) const override {
    if (!member.key.empty()) fields.set("authorization", "Bearer " + member.key.reveal());
  }
  Result<std::string> write(const MemberConfig& member,
                            const chat::ChatRequest& request) const override {
    return chat::openai::write_request(request, member.max_tokens_field);
  }
  Result<chat::ChatReply> read_reply(std::string_view body) const override {
    return chat::openai::read_reply(body);
  }
  std::unique_ptr<StreamReader> stream_reader() const override {
    return std::make_unique<OpenAiReader>();
  }
};

class AnthropicReader : public StreamReader {
 public:
  Result<std::optional<chat::Delta>> read(std::string_view data) override {
    return reader_.read(data);
  }

 private:
  chat::anthropic::EventReader reader_;
};

class AnthropicDialect : public UpstreamDialect {
 public:
  chat::Dialect dialect() const override { return chat::Dialect::anthropic; }
  std::string target(const MemberConfig& member, bool) const override {
    return member.url.text + "/messages";
  }
  std::string models_target(const MemberConfig& member) const override {
    return member.url.text + "/models";
  }
  void add_fields(const MemberConfig& member, net::Fields& fields) const override {
    if (!member.key.empty()) fields.set("x-api-key", member.key.reveal());
    fields.set("anthropic-version", "2023-06-01");
  }
  Result<std::string> write(const MemberConfig& member,
                            const chat::ChatRequest& request) const override {
    // The interface demands a limit; the member's own is the least surprising.
    return chat::anthropic::write_request(request, member.max_output.value_or(8'192));
  }
  Result<chat::ChatReply> read_reply(std::string_view body) const override {
    return chat::anthropic::read_reply(body);
  }
  std::unique_ptr<StreamReader> stream_reader() const override {
    return std::make_unique<AnthropicReader>();
  }
};

class GeminiReader : public StreamReader {
 public:
  Result<std::optional<chat::Delta>> read(std::string_view data) override {
    Result<chat::Delta> delta = reader_.read(data);
    if (!delta) return tl::unexpected<Error>(std::move(delta.error()));
    return std::optional<chat::Delta>(std::move(*delta));
  }

 private:
  chat::gemini::ChunkReader reader_;
};

class GeminiDialect : public UpstreamDialect {
 public:
  chat::Dialect dialect() const override { return chat::Dialect::gemini; }
  std::string target(const MemberConfig& member, bool stream) const override {
    return models_target(member) + (stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
  }
  std::string models_target(const MemberConfig& member) const override {
    std::string_view model = member.model;
    if (model.starts_with("models/")) model.remove_prefix(7);
    return member.url.text + "/models/" + escaped(model);
  }
  void add_fields(const MemberConfig& member, net::Fields& fields) const override {
    if (!member.key.empty()) fields.set("x-goog-api-key", member.key.reveal());
  }
  Result<std::string> write(const MemberConfig&, const chat::ChatRequest& request) const override {
    return chat::gemini::write_request(request);
  }
  Result<chat::ChatReply> read_reply(std::string_view body) const override {
    return chat::gemini::read_reply(body);
  }
  std::unique_ptr<StreamReader> stream_reader() const override {
    return std::make_unique<GeminiReader>();
  }
};

/// Fields that hosts of the original interface know and many others answer with 400.
constexpr std::string_view kOptional[] = {
    "service_tier",      "store", "metadata",  "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "user",  "verbosity", "logit_bias",       "prediction",
    "web_search_options"};

constexpr const char* kGoOn = "Go on from here, in the role that you were given at the beginning.";

bool takes(const MemberConfig& member, std::string_view field) {
  if (member.forward)
    return std::find(member.forward->begin(), member.forward->end(), field) !=
           member.forward->end();
  return member.url.host == "api.openai.com";
}

template <typename T>
void fill(std::optional<T>& value, const std::optional<T>& otherwise) {
  if (!value) value = otherwise;
}

}  // namespace

const UpstreamDialect& upstream_dialect(MemberKind kind) {
  static const OpenAiDialect openai;
  static const AnthropicDialect anthropic;
  static const GeminiDialect gemini;
  if (kind == MemberKind::anthropic) return anthropic;
  if (kind == MemberKind::gemini) return gemini;
  return openai;
}

chat::ChatRequest request_for(const MemberConfig& member, chat::ChatRequest request) {
  request.model = member.model;
  chat::Sampling& sampling = request.sampling;
  const chat::Sampling& defaults = member.defaults;
  fill(sampling.temperature, defaults.temperature);
  fill(sampling.top_p, defaults.top_p);
  fill(sampling.top_k, defaults.top_k);
  fill(sampling.seed, defaults.seed);
  fill(sampling.max_tokens, defaults.max_tokens);
  if (member.max_output && sampling.max_tokens)
    sampling.max_tokens = std::min(*sampling.max_tokens, *member.max_output);
  if (!member.capabilities.reasoning && member.kind == MemberKind::openai)
    sampling.reasoning_effort.clear();
  if (!member.capabilities.developer_role)
    for (chat::ChatMessage& message : request.messages)
      if (message.role == "developer") message.role = "system";
  for (const std::string_view field : kOptional)
    if (request.extra.contains(field) && !takes(member, field)) request.extra.erase(field);
  if (request.stream) request.include_usage = true;
  return request;
}

void ask_to_go_on(std::vector<chat::ChatMessage>& messages, std::size_t turns) {
  const std::size_t before = messages.size() - std::min(turns, messages.size());
  std::vector<chat::ChatMessage> alternating;
  alternating.reserve(messages.size() + turns);
  for (std::size_t n = 0; n < messages.size(); ++n) {
    alternating.push_back(std::move(messages[n]));
    if (n < before) continue;
    chat::ChatMessage& asked = alternating.emplace_back();
    asked.role = "user";
    asked.content.push_back({.kind = chat::Part::Kind::text, .text = kGoOn});
  }
  messages = std::move(alternating);
}

}  // namespace trinity::provider
