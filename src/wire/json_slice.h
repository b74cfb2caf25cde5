// A JSON text as slices: every value is the bytes it was written with.
//
// Records carry values that must come back unchanged (an `id` may be a number that no 64-bit type
// holds) and values that a template spells in its own way. A tree of numbers would lose their
// spelling, so a text is first checked whole by the strict scanner of base/ and then walked in
// place: the walk may assume well-formed JSON and only looks for quotes and brackets.
#pragma once

#include <trinity/error.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::wire {

struct JsonMember;

/// One value of a checked text, without white space around it. Views the text.
class JsonSlice {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  /// `text` begins and ends with the value, which must have passed check_json.
  explicit JsonSlice(std::string_view text) : text_(text) {}
  /// The value of a whole text that a strict reader accepted.
  static JsonSlice of_document(std::string_view text);

  std::string_view text() const { return text_; }
  Kind kind() const;
  bool is(Kind kind) const { return this->kind() == kind; }
  /// "null", "boolean", "number", "string", "array" or "object".
  std::string_view kind_name() const;

  /// The text that a string stands for. Only of a string.
  std::string string() const;
  /// Only of an array.
  std::vector<JsonSlice> elements() const;
  /// Only of an object; in their order.
  std::vector<JsonMember> members() const;
  /// The member with this key, if there is one. Only of an object.
  std::optional<JsonSlice> find(std::string_view key) const;

 private:
  std::string_view text_;
};

struct JsonMember {
  std::string key;
  JsonSlice value;
};

struct CheckedJson {
  /// The document. Present beside an error too where the text has the form of JSON but cannot be
  /// used (`duplicate_key`, `lone_surrogate`): its id can still be told.
  std::optional<JsonSlice> value;
  Status status;
};

/// Checks one JSON text under the rules of scan_json (base/json_events.h); an object may name a key
/// only once. Errors: those of scan_json, `duplicate_key`, and `lone_surrogate`: an escape such as
/// \ud83d without its other half, which is what is left of a character that was cut in two.
///
/// A number that exceeds every double is JSON, and none of ours to judge where its value is not
/// asked for, as in an id.
CheckedJson check_json(std::string_view text);

}  // namespace trinity::wire
