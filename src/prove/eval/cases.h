// Sets of evaluation cases: conversations with the decision that is expected for each.
//
// A set is one JSON document:
//   {"schema_version": 1,
//    "cases": [{"id", "messages": [{"role", "content"}], "expected": {"agent_id", "role_id"},
//               "tags": [], "notes": ""}],
//    "coverage": {"uncovered_agents": [{"agent_id", "expected_uncovered_reason"}]}}
// Messages are read as everywhere (wire/messages.h); in place of `content` one may have a
// `content_rule` (prove/eval/case_text.h). Other keys of a case are ignored.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::prove {

struct EvalCase {
  std::string id;
  std::vector<Message> messages;
  int expected_agent = 0;
  int expected_role = 0;
  std::vector<std::string> tags;
  std::string notes;
};

/// An agent that no case is expected to select, and why that is so.
struct UncoveredAgent {
  int agent_id = 0;
  std::string reason;
};

struct EvalCaseSet {
  std::string origin;  // the file, or "built in"
  std::vector<EvalCase> cases;
  std::vector<UncoveredAgent> uncovered_agents;
};

/// Errors: those of parse_json, `unsupported_schema_version`, `invalid_eval_cases` (says which
/// case).
Result<EvalCaseSet> read_eval_cases(std::string_view text, const std::string& origin);
/// The same from a file. Errors also those of read_text_file.
Result<EvalCaseSet> load_eval_cases(const std::filesystem::path& path);

/// The set that is compiled into the program (lab/cases/tiny_router.json), made for the embedded
/// tiny router. Error `missing_eval_cases` in a build without it.
Result<EvalCaseSet> built_in_eval_cases();

/// The cases with these ids, in the order of the set; no ids means all. Error: `unknown_case`.
Result<EvalCaseSet> select_eval_cases(EvalCaseSet set, std::span<const std::string> ids);

/// The last user message, for lists and tables.
std::string_view case_prompt(const EvalCase& eval_case);

}  // namespace trinity::prove
