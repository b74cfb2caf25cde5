// Errors in the words of each dialect, and what an upstream's error body says.
//
// Servers tell their failures in many forms, and the status alone misleads: llama.cpp answers a
// picture that its model cannot see with 500. So type, code and text are read from all forms that
// are known, and whoever classifies looks at them first. What an upstream wrote is cut and made
// printable, because it ends in logs and in other people's answers.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trinity::chat {

/// The path in front of an error's message ("messages[2].content"), if it begins with one.
std::string error_param(const Error& error);

/// `{"error":{"message","type","param","code"}}`, for a body and for a chunk of a stream.
/// `code` is the error's tag.
std::string write_openai_error(const Error& error, int status);
/// `{"type":"error","error":{"type","message"},"request_id"}`.
std::string write_anthropic_error(const Error& error, int status, std::string_view request_id);

/// What an upstream's error body says.
struct UpstreamFailure {
  std::string type;     // "invalid_request_error", "INVALID_ARGUMENT", "", ...
  std::string code;     // "context_length_exceeded", "400", "", ...
  std::string message;  // printable, at most 1,000 bytes, never empty
  std::string param;
  /// Tokens of the request and of the context, where it was too long and says so.
  std::optional<std::int64_t> prompt_tokens, context_tokens;
  std::optional<std::chrono::milliseconds> retry_after;  // of the body; a header may know better
};

/// Reads the forms of llama.cpp, vLLM, OpenAI, Anthropic, Gemini, LiteLLM, Ollama, OpenRouter,
/// Mistral, Cloudflare and FastAPI, and any text. `status` stands in the message where the body
/// says nothing; 0: not known.
UpstreamFailure upstream_failure(int status, std::string_view body);

}  // namespace trinity::chat
