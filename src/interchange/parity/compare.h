// The comparator of two parity reports: which hashes meet, which stages agree, and whether that is
// enough. The only judge in the whole chain; replays and reports record and do not fail.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json_value.h"

namespace trinity::interchange {

struct CompareOptions {
  std::filesystem::path python_report, our_report;
  bool strict_stage_tolerances = true;
  bool strict_current_python = false;
  bool strict_reference = false;
  int64_t top_diffs = 5;
};

struct CompareResult {
  std::string text;                   // what people read, ending in a line feed
  std::vector<std::string> failures;  // the strict rules that were broken; empty = passed
  int64_t sample_checks = 0, chunk_checks = 0;
};

/// The same arguments as the comparator's command line, as summaries record them.
std::vector<std::string> comparator_arguments(const CompareOptions& options);

/// Errors: `not_a_regular_file` ("… is not a regular file"), `invalid_json`.
Result<CompareResult> compare_parity_reports(const CompareOptions& options);

/// The record of a comparison: version, exit status, options, paths, duration, end of the text.
Json compare_summary(const CompareOptions& options, const CompareResult& result, int exit_status,
                     double elapsed_ms);

}  // namespace trinity::interchange
