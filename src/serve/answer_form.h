// The form that an answer must have, where the client asks for one: JSON, or JSON that a schema
// accepts.
//
// Workers are told it in the way that they understand: a schema, an order for JSON, or words in
// their prompt. Whatever they were told, the text is checked here; what is wrong with it goes back
// to them as a Verifier's diagnosis would (coordinate/loop.h).
#pragma once

#include <trinity/error.h>

#include <optional>
#include <string>

#include "base/json_schema.h"
#include "chat/chat.h"
#include "provider/pool_config.h"

namespace trinity::serve {

/// How a member is told.
enum class FormOrder {
  none,         // no form is asked for
  schema,       // the schema itself
  json_object,  // an order for JSON, and the schema in words
  words,
};
/// "schema", "json_object" or "words"; "" for none.
const char* form_order_name(FormOrder order);

class AnswerForm {
 public:
  AnswerForm() = default;  // none is asked for
  /// Errors: `invalid_schema`, `unsupported_schema`, with the field of the request's dialect first.
  static Result<AnswerForm> read(const chat::ChatRequest& request);

  bool is_asked() const { return format_.kind != chat::OutputFormat::Kind::text; }
  /// An answer of another form is worth nothing to the client: it asked for a strict schema.
  bool is_strict() const { return format_.strict.value_or(false); }
  /// What is wrong with the text, as a sentence; nothing: it has the form.
  std::optional<std::string> fault_of(const std::string& text) const;

  FormOrder order_for(const provider::MemberConfig& member) const;
  /// Puts the order into a request.
  void order(FormOrder how, chat::ChatRequest& request) const;

 private:
  chat::OutputFormat format_;
  std::optional<JsonSchema> schema_;
};

}  // namespace trinity::serve
