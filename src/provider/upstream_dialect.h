// How an HTTP member is spoken to: where requests go, what stands in their header, how replies and
// the events of streams are read. One for each of OpenAI's chat completions, Anthropic's messages
// and Gemini's generateContent.
#pragma once

#include <memory>

#include "chat/chat.h"
#include "net/http.h"
#include "provider/pool_config.h"

namespace trinity::provider {

/// Reads the events of one stream.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  /// The data of one event; nothing when it says that the stream has ended. Errors:
  /// `upstream_error`, `invalid_response`.
  virtual Result<std::optional<chat::Delta>> read(std::string_view data) = 0;
};

class UpstreamDialect {
 public:
  virtual ~UpstreamDialect() = default;

  virtual chat::Dialect dialect() const = 0;
  /// The whole address of a call.
  virtual std::string target(const MemberConfig& member, bool stream) const = 0;
  /// Where the member's model is described, alone or among others.
  virtual std::string models_target(const MemberConfig& member) const = 0;
  /// The key and what else the interface asks for.
  virtual void add_fields(const MemberConfig& member, net::Fields& fields) const = 0;
  virtual Result<std::string> write(const MemberConfig& member,
                                    const chat::ChatRequest& request) const = 0;
  virtual Result<chat::ChatReply> read_reply(std::string_view body) const = 0;
  virtual std::unique_ptr<StreamReader> stream_reader() const = 0;
};

/// Of a kind that is spoken to over HTTP.
const UpstreamDialect& upstream_dialect(MemberKind kind);

/// The request as this member gets it: its model and its defaults filled in, limits of the member
/// kept, optional fields left out that it does not take, developers' messages as the system's where
/// it tells no difference, usage always asked for.
chat::ChatRequest request_for(const MemberConfig& member, chat::ChatRequest request);

/// Lets a sentence of the user's follow each of the last `turns` messages, which earlier turns of a
/// run gave. Otherwise several of an assistant's would come one after another, which llama.cpp,
/// Mistral's interface and many chat templates refuse, and the last one would be taken for the
/// beginning of the answer, which the model then writes on instead of judging it.
void ask_to_go_on(std::vector<chat::ChatMessage>& messages, std::size_t turns);

}  // namespace trinity::provider
