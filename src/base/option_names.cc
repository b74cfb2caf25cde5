// The names of every option that is a choice, once: trinity/options.h declares them.
#include <trinity/options.h>

#include "base/utf8.h"

namespace trinity {

const char* input_mode_name(InputMode mode) {
  switch (mode) {
    case InputMode::plain:
      return "plain";
    case InputMode::chat:
      return "chat";
    case InputMode::chat_raw:
      return "chat_raw";
  }
  return "";
}

Result<InputMode> parse_input_mode(std::string_view name) {
  for (const InputMode mode : {InputMode::plain, InputMode::chat, InputMode::chat_raw})
    if (name == input_mode_name(mode)) return mode;
  return fail(ErrorKind::usage, "invalid_input_mode",
              "\"" + excerpt(name) + "\" is not an input mode; use plain, chat or chat_raw");
}

const char* tie_mode_name(TieMode mode) {
  switch (mode) {
    case TieMode::embed_offsets:
      return "embed_offsets";
    case TieMode::last_write:
      return "last_write";
    case TieMode::lm_head_offsets:
      return "lm_head_offsets";
    case TieMode::compound:
      return "compound";
  }
  return "unknown";
}

Result<TieMode> parse_tie_mode(std::string_view name) {
  for (const TieMode mode :
       {TieMode::embed_offsets, TieMode::last_write, TieMode::lm_head_offsets, TieMode::compound})
    if (name == tie_mode_name(mode)) return mode;
  return fail(ErrorKind::usage, "invalid_tie_mode",
              "there is no tie mode \"" + excerpt(name) +
                  "\"; known are embed_offsets, last_write, lm_head_offsets, compound");
}

const char* fallback_name(Fallback fallback) {
  switch (fallback) {
    case Fallback::raise:
      return "raise";
    case Fallback::warn:
      return "warn";
    case Fallback::silent:
      return "silent";
  }
  return "";
}

const char* selection_mode_name(SelectionMode mode) {
  switch (mode) {
    case SelectionMode::argmax:
      return "argmax";
    case SelectionMode::softmax:
      return "softmax";
    case SelectionMode::sample:
      return "sample";
  }
  return "argmax";
}

}  // namespace trinity
