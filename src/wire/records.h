// One record of input, checked, and the object that takes the place of a bad one.
//
// A record is an object. `id` is any JSON value and comes back with the answer, byte for byte; keys
// that no command knows are ignored. A record that cannot be used becomes an error object in its
// place:
//   {"id":7,"schema_version":1,"error":{"tag":"invalid_messages","message":"...","line":3}}
#pragma once

#include <trinity/error.h>
#include <trinity/router.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wire/line_reader.h"

namespace trinity::wire {

/// Where a record came from, for its answer.
struct RecordOrigin {
  std::size_t line = 0;  // 0: a command line argument
  std::string id;        // the JSON text that was given; empty when the record has none
};

template <typename T>
struct Record {
  RecordOrigin origin;
  Result<T> value;
};

/// What routing and extraction read: `{"messages":[...]}` (wire/messages.h), `{"text":"..."}` (a
/// RawText) or `{"ids":[...]}`, exactly one of them. Errors: `line_too_long`, those of check_json,
/// `invalid_record`, those of read_messages, `invalid_text`, `invalid_ids`.
Record<RouterQuery> read_query(const Line& line);

/// The same for a batch.
std::vector<Record<RouterQuery>> read_queries(std::span<const Line> lines);

/// `{"text":"..."}`. Errors as above.
Record<std::string> read_text(const Line& line);

/// `{"ids":[...]}`. Errors as above.
Record<std::vector<std::int32_t>> read_ids(const Line& line);

/// Appends `{"id":…,"schema_version":1,` or the same without an id: the begin of every answer. An
/// id of several lines is put on one.
void append_record_begin(std::string& out, const RecordOrigin& origin);

/// Appends the error object of a record and a line feed.
void append_record_error(std::string& out, const RecordOrigin& origin, const Error& error);

/// "line 3: <message>", or the message alone for an argument.
std::string located_message(const RecordOrigin& origin, const Error& error);

}  // namespace trinity::wire
