#include "serve/answer_form.h"

#include <utility>

#include "base/json.h"
#include "base/utf8.h"

namespace trinity::serve {
namespace {

using Kind = chat::OutputFormat::Kind;

const char* schema_field(chat::Dialect dialect) {
  switch (dialect) {
    case chat::Dialect::openai_responses:
      return "text.format.schema";
    case chat::Dialect::anthropic:
      return "output_config.format.schema";
    default:
      return "response_format.json_schema.schema";
  }
}

}  // namespace

const char* form_order_name(FormOrder order) {
  switch (order) {
    case FormOrder::schema:
      return "schema";
    case FormOrder::json_object:
      return "json_object";
    case FormOrder::words:
      return "words";
    case FormOrder::none:
      break;
  }
  return "";
}

Result<AnswerForm> AnswerForm::read(const chat::ChatRequest& request) {
  AnswerForm form;
  form.format_ = request.format;
  if (form.format_.kind != Kind::json_schema || form.format_.schema.is_null()) return form;
  Result<JsonSchema> schema = JsonSchema::read(form.format_.schema);
  if (!schema) {
    Error error = std::move(schema.error());
    error.message = std::string(schema_field(request.dialect)) + ": " + error.message;
    return tl::unexpected(std::move(error));
  }
  form.schema_ = std::move(*schema);
  return form;
}

std::optional<std::string> AnswerForm::fault_of(const std::string& text) const {
  if (!is_asked()) return std::nullopt;
  const Result<Json> value = parse_json(text);
  if (!value)
    return "the answer is not JSON (" + excerpt(value.error().message, 200) +
           "); write the JSON alone, with no text and no fence around it";
  if (format_.kind == Kind::json_object && !value->is_object())
    return "the answer is JSON but no object; write an object";
  if (!schema_) return std::nullopt;
  if (const auto fault = schema_->fault_of(*value))
    return "the answer is JSON, but not what the schema asks for: " + *fault;
  return std::nullopt;
}

FormOrder AnswerForm::order_for(const provider::MemberConfig& member) const {
  const provider::Capabilities& can = member.capabilities;
  if (!is_asked()) return FormOrder::none;
  if (format_.kind == Kind::json_schema && can.schema) return FormOrder::schema;
  // Anthropic's interface has no order for JSON without a schema.
  const bool takes_order =
      (can.json || can.schema) && member.kind != provider::MemberKind::anthropic;
  return takes_order ? FormOrder::json_object : FormOrder::words;
}

void AnswerForm::order(FormOrder how, chat::ChatRequest& request) const {
  request.format = {};
  if (how == FormOrder::none) return;
  if (how == FormOrder::schema) {
    request.format = format_;
    return;
  }
  if (how == FormOrder::json_object) request.format.kind = Kind::json_object;
  if (how == FormOrder::json_object && format_.kind == Kind::json_object) return;
  std::string words = "\n\nAnswer with JSON alone: no text around it, and no fence.";
  if (format_.kind == Kind::json_object) words += " It must be an object.";
  if (format_.kind == Kind::json_schema && !format_.schema.is_null())
    words += " This JSON schema must accept it:\n" + json_text(format_.schema);
  if (request.messages.empty() || request.messages.front().content.empty()) return;
  request.messages.front().content.front().text += words;
}

}  // namespace trinity::serve
