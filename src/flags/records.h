// What a command reads and writes, under the names that commands use: records (wire/records.h), and
// what comes from the command line itself.
#pragma once

#include <trinity/error.h>
#include <trinity/router.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json_writer.h"
#include "wire/line_reader.h"
#include "wire/records.h"

namespace trinity::cli {

using wire::append_json_floats;
using wire::append_json_ids;
using wire::append_record_begin;
using wire::append_record_error;
using wire::Line;
using wire::located_message;
using wire::read_ids;
using wire::read_queries;
using wire::read_query;
using wire::read_text;
using wire::Record;
using wire::RecordOrigin;

/// A prompt from the command line: one user message. Error: `empty_transcript`.
Record<RouterQuery> prompt_record(const std::string& prompt);

/// "872,25,659" or the same with spaces. Error: `invalid_ids`.
Result<std::vector<std::int32_t>> parse_id_list(std::string_view text);

}  // namespace trinity::cli
