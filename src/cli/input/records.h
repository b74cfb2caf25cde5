// One JSON line of input, checked.
//
// A record is an object. `id` is any JSON value and comes back with the answer; keys that no
// command knows are ignored. A record that cannot be used becomes an error object in its place:
//   {"id":7,"error":{"tag":"invalid_messages","message":"...","line":3}}
#pragma once

#include <trinity/error.h>
#include <trinity/router.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/line_reader.h"

namespace trinity::cli {

/// Where a record came from, for its answer.
struct RecordOrigin {
  std::size_t line = 0;  // 0: a command line argument
  std::string id;        // as JSON text; empty when the record has none
};

template <typename T>
struct Record {
  RecordOrigin origin;
  Result<T> value;
};

/// What routing and extraction read: `{"messages":[{"role","content"},...]}`, `{"text":"..."}` or
/// `{"ids":[...]}`, exactly one of them. Errors: `line_too_long`, those of parse_json,
/// `invalid_record`, `invalid_messages`, `invalid_text`, `invalid_ids`.
Record<RouterQuery> read_query(const Line& line);

/// The same for a batch of lines.
std::vector<Record<RouterQuery>> read_queries(std::span<const Line> lines);

/// `{"text":"..."}`. Errors as above.
Record<std::string> read_text(const Line& line);

/// `{"ids":[...]}`. Errors as above.
Record<std::vector<std::int32_t>> read_ids(const Line& line);

/// A prompt from the command line: one user message. Error: `empty_transcript`.
Record<RouterQuery> prompt_record(const std::string& prompt);

/// "872,25,659" or the same with spaces. Error: `invalid_ids`.
Result<std::vector<std::int32_t>> parse_id_list(std::string_view text);

/// Appends `{"id":…,` or `{`: the begin of every answer.
void append_record_begin(std::string& out, const RecordOrigin& origin);

/// Appends the error object of a record and a line feed.
void append_record_error(std::string& out, const RecordOrigin& origin, const Error& error);

/// "line 3: <message>", or the message alone for an argument.
std::string located_message(const RecordOrigin& origin, const Error& error);

}  // namespace trinity::cli
