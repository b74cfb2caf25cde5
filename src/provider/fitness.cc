#include "provider/fitness.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace trinity::provider {
namespace {

Error reason(std::string tag, const MemberConfig& member, std::string what) {
  return {ErrorKind::unsupported, std::move(tag),
          fmt::format("member {} {}", printable(member.name, 60), what)};
}

/// Tokens that are kept free for the answer.
std::int64_t room_for_answer(const MemberConfig& member, const chat::ChatRequest& request,
                             std::int64_t otherwise) {
  const std::int64_t own = member.max_output.value_or(otherwise);
  return request.sampling.max_tokens
             ? std::min(*request.sampling.max_tokens, member.max_output.value_or(INT64_MAX))
             : own;
}

}  // namespace

std::optional<Error> unfit(const MemberConfig& member, const chat::ChatRequest& request,
                           const TokenCounter& count) {
  using Kind = chat::Part::Kind;
  const Capabilities& can = member.capabilities;
  const auto lacks = [&](bool capability, std::string_view name, std::string_view asked,
                         std::string tag) -> std::optional<Error> {
    if (capability) return std::nullopt;
    return reason(std::move(tag), member,
                  fmt::format("cannot take {}: use another one, or write \"{}\" under its "
                              "capabilities if it can",
                              asked, name));
  };
  const auto media = [&](Kind kind, bool capability, std::string_view name,
                         std::string_view asked) -> std::optional<Error> {
    return request.has_media(kind) ? lacks(capability, name, asked, "unsupported_modality")
                                   : std::nullopt;
  };
  if (auto error = media(Kind::image, can.vision, "vision", "pictures")) return error;
  if (auto error = media(Kind::audio, can.audio, "audio", "audio")) return error;
  if (auto error = media(Kind::file, can.files, "files", "files")) return error;
  const std::string value = "unsupported_value";
  if (!request.tools.empty())
    if (auto error = lacks(can.tools, "tools", "tools", value)) return error;
  using Format = chat::OutputFormat::Kind;
  if (request.format.kind == Format::json_schema)
    if (auto error = lacks(can.schema, "schema", "a schema for its answer", value)) return error;
  if (request.format.kind == Format::json_object)
    if (auto error = lacks(can.json || can.schema, "json", "an order for JSON", value))
      return error;
  if (request.sampling.logprobs)
    if (auto error = lacks(can.logprobs, "logprobs", "a request for log probabilities", value))
      return error;
  if (request.n > 1)
    if (auto error = lacks(can.choices, "choices", "a request for several answers", value))
      return error;
  if (member.context) {
    const std::int64_t prompt = estimated_input(request, count);
    // Without a limit of its own an answer gets what is left; one token at least.
    const std::int64_t answer =
        request.sampling.max_tokens ? room_for_answer(member, request, 1) : 1;
    if (prompt > *member.context - std::min(answer, *member.context))
      return reason("context_length_exceeded", member,
                    fmt::format("holds {} tokens, and this conversation has about {} and wants {} "
                                "for its answer: shorten it, or use a member with more room",
                                *member.context, prompt, answer));
  }
  return std::nullopt;
}

chat::Usage most_it_may_use(const MemberConfig& member, const chat::ChatRequest& request,
                            const TokenCounter& count, std::int64_t otherwise) {
  chat::Usage usage;
  usage.input = estimated_input(request, count);
  usage.output = room_for_answer(member, request, otherwise) * std::max<std::int64_t>(1, request.n);
  return usage;
}

std::vector<std::string> needs_of(const chat::ChatRequest& request) {
  using Kind = chat::Part::Kind;
  using Format = chat::OutputFormat::Kind;
  std::vector<std::string> needs;
  const auto add = [&needs](bool needed, const char* name) {
    if (needed) needs.emplace_back(name);
  };
  add(request.has_media(Kind::image), "vision");
  add(request.has_media(Kind::audio), "audio");
  add(request.has_media(Kind::file), "files");
  add(!request.tools.empty(), "tools");
  add(request.format.kind == Format::json_schema, "schema");
  add(request.format.kind == Format::json_object, "json");
  add(request.sampling.logprobs, "logprobs");
  add(request.n > 1, "choices");
  return needs;
}

std::optional<std::string> unmet_need(const MemberConfig& member,
                                      std::span<const std::string> needs) {
  for (const std::string& need : needs) {
    if (need == "json" && member.capabilities.schema) continue;
    for (const auto& [name, capability] : capability_names())
      if (name == need && !(member.capabilities.*capability)) return need;
  }
  return std::nullopt;
}

std::optional<std::int64_t> most_it_may_cost(const MemberConfig& member,
                                             const chat::ChatRequest& request,
                                             const TokenCounter& count, std::int64_t otherwise) {
  if (!member.price) return std::nullopt;
  return cost_micro_usd(*member.price, most_it_may_use(member, request, count, otherwise));
}

}  // namespace trinity::provider
