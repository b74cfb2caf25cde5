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

namespace trinity::flags {

/// A prompt from the command line: one user message. Error: `empty_transcript`.
wire::Record<RouterQuery> prompt_record(const std::string& prompt);

/// "872,25,659" or the same with spaces. Error: `invalid_ids`.
Result<std::vector<std::int32_t>> parse_id_list(std::string_view text);

}  // namespace trinity::flags
