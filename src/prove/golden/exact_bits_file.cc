// Reading and writing the file of published bits.
#include <fmt/format.h>

#include "base/json.h"
#include "base/try.h"
#include "prove/golden/exact_bits.h"

namespace trinity::prove {
namespace {

constexpr int kBitsVersion = 1;

tl::unexpected<Error> invalid_bits(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_exact_bits",
              "the published bits cannot be read: " + what);
}

Result<std::string> text_of(const Json& object, const std::string& key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string())
    return invalid_bits(key + " must be a text");
  return object[key].as_string();
}

Result<ExactBits> read_table(const Json& table) {
  if (!table.is_object() || !table.contains("ops") || !table["ops"].is_object() ||
      !table.contains("cases") || !table["cases"].is_array())
    return invalid_bits("a table needs ops and cases");
  ExactBits bits;
  // In the order of the forward pass, which the object's keys do not have.
  for (const std::string& op : exact_op_names()) {
    if (!table["ops"].contains(op)) continue;
    TRINITY_TRY(std::string sha256, text_of(table["ops"], op));
    bits.ops.push_back({op, std::move(sha256)});
  }
  for (const Json& one : table["cases"]) {
    CaseBits entry;
    TRINITY_TRY(entry.id, text_of(one, "id"));
    TRINITY_TRY(entry.route_hash, text_of(one, "route_hash"));
    TRINITY_TRY(entry.logits_sha256, text_of(one, "logits_sha256"));
    bits.cases.push_back(std::move(entry));
  }
  return bits;
}

std::string quoted(const std::string& text) { return json_text(text); }

/// Lines of a list, a comma after each but the last.
template <typename Values, typename Line>
std::string lines(const Values& values, const Line& line) {
  std::string out;
  for (const auto& value : values)
    out += fmt::format("{}\n    {}", out.empty() ? "" : ",", line(value));
  return out.empty() ? out : out + "\n   ";
}

}  // namespace

Result<PublishedBits> read_published_bits(std::string_view text) {
  TRINITY_TRY(const Json document, parse_json(text));
  if (!document.is_object() || document["schema_version"] != kBitsVersion)
    return fail(ErrorKind::invalid_input, "unsupported_schema_version",
                fmt::format("published bits must have schema_version {}", kBitsVersion));
  PublishedBits bits;
  TRINITY_TRY(bits.router_sha256, text_of(document, "router_sha256"));
  TRINITY_TRY(bits.cases_sha256, text_of(document, "cases_sha256"));
  if (!document.contains("arithmetic") || !document["arithmetic"].is_object())
    return invalid_bits("arithmetic must be an object");
  for (const auto& [name, table] : document["arithmetic"].items()) {
    TRINITY_TRY(bits.arithmetic[name], read_table(table));
  }
  return bits;
}

std::string published_bits_text(const PublishedBits& bits) {
  std::string tables;
  for (const auto& [name, table] : bits.arithmetic)
    tables += fmt::format("{}\n  {}: {{\n   \"ops\": {{{}}},\n   \"cases\": [{}]}}",
                          tables.empty() ? "" : ",", quoted(name),
                          lines(table.ops,
                                [](const OpBits& op) {
                                  return fmt::format("{}: {}", quoted(op.op), quoted(op.sha256));
                                }),
                          lines(table.cases, [](const CaseBits& one) {
                            return fmt::format(
                                R"({{"id": {}, "route_hash": {}, "logits_sha256": {}}})",
                                quoted(one.id), quoted(one.route_hash), quoted(one.logits_sha256));
                          }));
  return fmt::format(
      "{{\n \"schema_version\": {},\n \"router_sha256\": {},\n \"cases_sha256\": {},\n "
      "\"arithmetic\": {{{}\n }}\n}}\n",
      kBitsVersion, quoted(bits.router_sha256), quoted(bits.cases_sha256), tables);
}

}  // namespace trinity::prove
