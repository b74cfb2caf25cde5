#include "prove/eval/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "prove/built_in.h"
#include "wire/json_slice.h"

namespace trinity::prove {
namespace {

constexpr std::size_t kMaxSnapshotBytes = std::size_t{64} << 20;
constexpr int kSnapshotVersion = 1;
constexpr const char* kFolder = "examples/fixtures/runtime_profiles";
constexpr const char* kFileName = "qwen_router_prompt_eval_logits.json";

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_snapshot", what);
}

bool is_text(const Json& object, const char* key) {
  return object.contains(key) && object[key].is_string();
}

std::string text_or_empty(const Json& object, const char* key) {
  return is_text(object, key) ? object[key].as_string() : std::string();
}

bool is_id(const Json& object, const char* key) {
  return object.contains(key) && object[key].is_number_unsigned() && object[key].as_uint64() <= 255;
}

bool is_number(const Json& object, const char* key) {
  return object.contains(key) && object[key].is_number();
}

Result<std::vector<double>> read_logits(const Json& entry, const char* key) {
  std::vector<double> out;
  if (!entry.contains(key) || !entry[key].is_array())
    return invalid(std::string(key) + " must be a list of numbers");
  for (const Json& value : entry[key]) {
    if (!value.is_number()) return invalid(std::string(key) + " must be a list of numbers");
    out.push_back(value.as_double());
  }
  return out;
}

Result<SnapshotCase> read_case(const Json& entry) {
  if (!entry.is_object() || !is_text(entry, "id")) return invalid("a case must have an id");
  for (const char* key : {"agent_id", "role_id"})
    if (!is_id(entry, key)) return invalid(std::string(key) + " must be a number from 0 to 255");
  for (const char* key : {"agent_margin", "role_margin"})
    if (!is_number(entry, key)) return invalid(std::string(key) + " must be a number");
  for (const char* key : {"transcript_hash", "route_hash"})
    if (!is_text(entry, key)) return invalid(std::string(key) + " must be a text");
  if (!entry.contains("token_count") || !entry["token_count"].is_number_unsigned())
    return invalid("token_count must be a number");
  SnapshotCase out;
  out.id = entry["id"].as_string();
  out.agent_id = static_cast<int>(entry["agent_id"].as_int64());
  out.role_id = static_cast<int>(entry["role_id"].as_int64());
  out.token_count = entry["token_count"].as_uint64();
  out.agent_margin = entry["agent_margin"].as_double();
  out.role_margin = entry["role_margin"].as_double();
  TRINITY_TRY(out.agent_logits, read_logits(entry, "agent_logits_rounded"));
  TRINITY_TRY(out.role_logits, read_logits(entry, "role_logits_rounded"));
  out.transcript_hash = entry["transcript_hash"].as_string();
  out.route_hash = entry["route_hash"].as_string();
  return out;
}

Result<std::optional<backend::MarginFloors>> read_floors(const Json& document) {
  if (!document.contains("margin_floors")) return std::optional<backend::MarginFloors>();
  const Json& floors = document["margin_floors"];
  if (!floors.is_object() || !is_number(floors, "agent") || !is_number(floors, "role"))
    return invalid("margin_floors must hold the numbers agent and role");
  return backend::MarginFloors{floors["agent"].as_double(), floors["role"].as_double()};
}

Result<EvalSnapshot> read_document(const Json& document) {
  if (!document.is_object() || !document.contains("cases") || !document["cases"].is_array())
    return invalid("the document must be an object with a list of cases");
  if (document["schema_version"] != Json(kSnapshotVersion))
    return fail(ErrorKind::unsupported, "unsupported_schema_version",
                "this program reads snapshots of schema version 1");
  EvalSnapshot out;
  out.generated_at = text_or_empty(document, "generated_at");
  out.profile = text_or_empty(document, "profile");
  out.fidelity_mode = text_or_empty(document, "fidelity_mode");
  out.producer = text_or_empty(document, "producer");
  out.model = text_or_empty(document, "model");
  TRINITY_TRY(out.margin_floors, read_floors(document));
  std::set<std::string> ids;
  for (std::size_t i = 0; i < document["cases"].size(); ++i) {
    auto one = read_case(document["cases"][i]);
    if (!one) return fail_in("case " + std::to_string(i + 1), std::move(one.error()));
    if (!ids.insert(one->id).second) return invalid("case " + excerpt(one->id) + " is there twice");
    out.cases.push_back(std::move(*one));
  }
  return out;
}

}  // namespace

Result<EvalSnapshot> read_snapshot(std::string_view text, std::string origin) {
  // For what is cut inside a character: that has a name of its own.
  if (Status checked = wire::check_json(text).status; !checked)
    return fail_in(origin, std::move(checked.error()));
  auto document = parse_json(text);
  if (!document) return fail_in(origin, std::move(document.error()));
  auto snapshot = read_document(*document);
  if (!snapshot) return fail_in(origin, std::move(snapshot.error()));
  snapshot->origin = std::move(origin);
  return snapshot;
}

Result<EvalSnapshot> load_snapshot(const std::filesystem::path& path) {
  TRINITY_TRY(const std::string text, read_text_file(path, kMaxSnapshotBytes));
  return read_snapshot(text, path.string());
}

std::string snapshot_json(const EvalSnapshot& snapshot) {
  Json document = {{"schema_version", kSnapshotVersion},
                   {"generated_at", snapshot.generated_at},
                   {"cases", Json::array()}};
  const auto put = [&](const char* key, const std::string& text) {
    if (!text.empty()) document[key] = text;
  };
  put("profile", snapshot.profile);
  put("fidelity_mode", snapshot.fidelity_mode);
  put("producer", snapshot.producer);
  put("model", snapshot.model);
  if (snapshot.margin_floors)
    document["margin_floors"] = {{"agent", snapshot.margin_floors->agent},
                                 {"role", snapshot.margin_floors->role}};
  for (const SnapshotCase& one : snapshot.cases)
    document["cases"].push_back({{"id", one.id},
                                 {"agent_id", one.agent_id},
                                 {"role_id", one.role_id},
                                 {"token_count", one.token_count},
                                 {"agent_margin", one.agent_margin},
                                 {"role_margin", one.role_margin},
                                 {"agent_logits_rounded", one.agent_logits},
                                 {"role_logits_rounded", one.role_logits},
                                 {"transcript_hash", one.transcript_hash},
                                 {"route_hash", one.route_hash}});
  return json_text(document, 2) + "\n";
}

std::optional<std::filesystem::path> find_snapshot(const std::string& explicit_path,
                                                   const std::filesystem::path& base,
                                                   std::span<const std::string> profile_names) {
  if (!explicit_path.empty()) return std::filesystem::path(explicit_path);
  for (const std::string& name : profile_names) {
    if (name.empty() || name.find('/') != std::string::npos) continue;
    const std::filesystem::path path = base / kFolder / name / kFileName;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return std::nullopt;
}

std::string profile_file_stem(std::string_view profile) {
  std::string stem(profile);
  std::replace_if(
      stem.begin(), stem.end(), [](char c) { return c == ':' || c == '/' || c == '\\'; }, '_');
  return stem;
}

Result<std::optional<EvalSnapshot>> built_in_snapshot(std::string_view profile) {
  const auto text = built_in_lab_file("tiny_router." + profile_file_stem(profile) + ".json");
  if (!text) return std::optional<EvalSnapshot>();
  TRINITY_TRY(EvalSnapshot snapshot, read_snapshot(*text, kBuiltInOrigin));
  return std::optional<EvalSnapshot>(std::move(snapshot));
}

std::string timestamp_now() { return timestamp_of(std::chrono::system_clock::now()); }

std::string timestamp_of(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);  // also before 1970
  const auto microseconds = std::chrono::floor<std::chrono::microseconds>(time - whole).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     microseconds);
}

}  // namespace trinity::prove
