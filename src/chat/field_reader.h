// Reads the fields of a body one by one, says what is wrong with them by their path, and gives back
// what nobody asked for.
//
//   Problem problem;
//   FieldReader in(body, "", problem);
//   in.text("model", request.model);
//   in.number("temperature", request.sampling.temperature);
//   request.extra = in.rest();
//   if (problem) return problem.failure();
//
// The first problem is kept and reading goes on, so that a reader is a plain list of fields. A
// field that is null counts as absent.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::chat {

/// The first thing that is wrong with a body.
class Problem {
 public:
  /// "messages[2].content: must be a string". Only the first counts.
  void add(const std::string& path, std::string_view what);
  void add_unsupported(const std::string& path, std::string_view what);
  explicit operator bool() const { return error_.has_value(); }
  /// Tags: `invalid_request`, `unsupported_value`.
  tl::unexpected<Error> failure() const { return tl::unexpected<Error>(*error_); }

 private:
  std::optional<Error> error_;
};

class FieldReader {
 public:
  /// `value` must outlive the reader. What is no object is a problem, and has no fields.
  FieldReader(const Json& value, std::string path, Problem& problem);

  /// The path of a field: "messages[2].content".
  std::string at(std::string_view key) const;
  const std::string& path() const { return path_; }
  Problem& problem() { return problem_; }

  /// The field as it is, known from now on; null when absent.
  const Json& any(std::string_view key);
  bool text(std::string_view key, std::string& into);
  void required_text(std::string_view key, std::string& into);
  void number(std::string_view key, std::optional<double>& into, double least, double most);
  void integer(std::string_view key, std::optional<std::int64_t>& into, std::int64_t least,
               std::int64_t most = INT64_MAX);
  void flag(std::string_view key, std::optional<bool>& into);
  void flag(std::string_view key, bool& into);
  /// The array or object; nullptr when it is absent or wrong.
  const Json* list(std::string_view key);
  const Json* object(std::string_view key);
  /// A string, or a list of them.
  void texts(std::string_view key, std::vector<std::string>& into);
  /// A problem where the field is there and of another type. It stays unknown.
  void check(std::string_view key, JsonType type);

  /// The fields that nobody asked for, verbatim; null when there are none.
  Json rest() const;

 private:
  const Json* find(std::string_view key);
  void wrong(std::string_view key, std::string_view expected, const Json& value);

  const Json& value_;
  std::string path_;
  Problem& problem_;
  std::vector<std::string_view> known_;
};

/// "messages[2]".
std::string element(std::string_view path, std::size_t index);

/// Reads a body or an event: strict JSON, an object. Errors: `invalid_json`, `invalid_utf8`,
/// `duplicate_key`, `lone_surrogate`, `json_too_deep`, `json_too_long`, `invalid_request`.
Result<Json> read_object(std::string_view body);

}  // namespace trinity::chat
