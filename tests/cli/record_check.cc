// What the program printed and wrote as JSON, held against docs/schemas/. `run` does so with every
// call of every test, so that none can forget it.
#include "cli/record_check.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "cli/json_schema.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// "lab matrix", "route"; empty when no command is named.
std::string command_of(const Words& arguments) {
  std::string command;
  for (const std::string& word : arguments) {
    if (word.starts_with('-')) break;
    if (command.empty()) {
      command = word;
      if (word != "lab" && word != "vector" && word != "parity" && word != "pool" &&
          word != "trace")
        break;
    } else if (command == "trace" && word != "show") {
      break;
    } else {
      return command + " " + word;
    }
  }
  return command;
}

/// Whether a word stands among the flags.
bool has_flag(const Words& arguments, const std::string& flag) {
  for (const std::string& word : arguments) {
    if (word == "--") break;
    if (word == flag) return true;
  }
  return false;
}

std::optional<std::string> value_of(const Words& arguments, const std::string& flag) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with(flag + "=")) return arguments[i].substr(flag.size() + 1);
    if (arguments[i] == flag && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return std::nullopt;
}

struct Written {
  const char *command, *flag, *schema;
};

/// The files that are JSON, by the flag that names them.
constexpr Written kWritten[] = {{"eval", "--snapshot-out", "snapshot"},
                                {"gates", "--summary-out", "gates"},
                                {"lab benchmark", "--out", "lab_benchmark"},
                                {"lab golden", "--out", "exact_bits"},
                                {"parity check", "--summary-out", "parity_check"},
                                {"parity chunks", "--out", "parity_chunks"},
                                {"parity sample", "--out", "parity_sample"},
                                {"pin", "--out", "pin"},
                                {"trace", "--out", "trace"}};

std::string shown(const Words& arguments) {
  std::string text;
  for (const std::string& word : arguments) text += " " + word;
  return text + "\n";
}

void check_text(const std::string& schema, const std::string& text, const Words& arguments) {
  const Json record = Json::parse(text, nullptr, false);
  if (record.is_discarded()) {
    ADD_FAILURE() << "no JSON:" << shown(arguments) << text.substr(0, 400);
    return;
  }
  const JsonSchemas& schemas = JsonSchemas::ours();
  const bool failure = record.is_object() && record.contains("error");
  const std::string wrong = schemas.fault_of(failure || schema.empty() ? "error" : schema, record);
  EXPECT_EQ(wrong, "") << schema << ":" << shown(arguments) << text.substr(0, 400);
}

void check_file(const std::string& schema, const fs::path& path, const Words& arguments,
                bool lines = false) {
  std::error_code ignored;
  if (path.extension() == ".md" || !fs::is_regular_file(path, ignored)) return;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!lines) return check_text(schema, text, arguments);
  for (const std::string& line : lines_of(text)) check_text(schema, line, arguments);
}

/// With {profile} in its name a file stands for each profile.
void check_files(const std::string& schema, const std::string& name, const Words& arguments) {
  const std::string mark = "{profile}";
  const std::size_t at = name.find(mark);
  if (at == std::string::npos) return check_file(schema, name, arguments);
  const std::string begin = name.substr(0, at), end = name.substr(at + mark.size());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(begin).parent_path(), ignored))
    if (const std::string path = entry.path().string();
        path.starts_with(begin) && path.ends_with(end))
      check_file(schema, path, arguments);
}

bool prints_json(const std::string& command, const Words& arguments,
                 const Environment& environment) {
  if (command == "extract" || command == "tokenize") return true;
  if (command == "trace" && !has_flag(arguments, "--out")) return true;
  const auto variable = environment.find("TRINITY_JSON");
  return has_flag(arguments, "--json") ||
         (variable != environment.end() && (variable->second == "1" || variable->second == "true"));
}

}  // namespace

std::string printed_schema(const std::string& command, const Words& arguments) {
  if (command == "eval" && has_flag(arguments, "--list-cases")) return "eval_case_list";
  if (command == "export" && has_flag(arguments, "--dry-run")) return "export_plan";
  if (command == "tokenize" && has_flag(arguments, "--decode")) return "text";
  if (command == "bench" && has_flag(arguments, "--list")) return "benchmark";
  static const std::map<std::string, std::string> schemas = {{"ask", "ask"},
                                                             {"backends", "backends"},
                                                             {"bench", "bench"},
                                                             {"demo", "demo"},
                                                             {"doctor", "doctor"},
                                                             {"env-check", "env_check"},
                                                             {"eval", "eval"},
                                                             {"export", "export_event"},
                                                             {"extract", "hidden"},
                                                             {"gates", "gates"},
                                                             {"import", "import_event"},
                                                             {"inspect", "inspect"},
                                                             {"lab benchmark", "lab_benchmark"},
                                                             {"lab matrix", "lab_matrix"},
                                                             {"lab robustness", "lab_robustness"},
                                                             {"parity check", "parity_check"},
                                                             {"parity chunks", "parity_chunks"},
                                                             {"parity sample", "parity_sample"},
                                                             {"pin", "pin_written"},
                                                             {"pool check", "pool_check"},
                                                             {"pool list", "pool_list"},
                                                             {"profiles", "profiles"},
                                                             {"pull", "pull"},
                                                             {"replay", "replay"},
                                                             {"route", "decision"},
                                                             {"synth", "synth"},
                                                             {"tokenize", "token_ids"},
                                                             {"trace", "trace"},
                                                             {"trace show", "trace_show"},
                                                             {"vector convert", "vector_file"},
                                                             {"vector join", "vector_file"},
                                                             {"vector show", "vector_show"},
                                                             {"vector split", "vector_file"},
                                                             {"verify", "verify"},
                                                             {"version", "version"}};
  const auto found = schemas.find(command);
  return found == schemas.end() ? std::string() : found->second;
}

void check_records(const Words& arguments, const Environment& environment, const Outcome& outcome,
                   const std::string& folder) {
  if (outcome.status >= 126) return;  // killed, or never started: what there is may be a part
  for (const std::string& word : arguments)
    if (word == "--help" || word == "-h" || word == "help" || word.starts_with("/dev/")) return;
  const std::string command = command_of(arguments);
  if (prints_json(command, arguments, environment) && !outcome.out.empty()) {
    const std::string schema = printed_schema(command, arguments);
    if (Json::accept(outcome.out)) {
      check_text(schema, outcome.out, arguments);
    } else {
      for (const std::string& line : lines_of(outcome.out)) check_text(schema, line, arguments);
    }
  }
  if (outcome.status != 0) return;
  const auto path_of = [&folder](const std::string& name) {
    return folder.empty() ? name : (fs::path(folder) / name).string();
  };
  for (const Written& one : kWritten)
    if (const auto name = value_of(arguments, one.flag); name && command == one.command)
      check_files(one.schema, path_of(*name), arguments);
  const auto out = value_of(arguments, "--out");
  if (out && (command == "export" || command == "import")) {
    check_file("manifest", fs::path(path_of(*out)) / "manifest.json", arguments);
    check_file("export_log", fs::path(path_of(*out)) / "export.log.jsonl", arguments, true);
  }
}

}  // namespace trinity::testing
