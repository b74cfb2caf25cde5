#include "serve/route_endpoint.h"

#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "route/decision.h"
#include "wire/json_slice.h"
#include "wire/records.h"

namespace trinity::serve {
namespace {

constexpr std::size_t kMostInputs = 1024;

void append_decision(std::string& out, const wire::RecordOrigin& origin, const Decision& decision,
                     const std::vector<std::string>& members) {
  Json record = route::decision_record(decision);
  const auto agent = static_cast<std::size_t>(decision.agent_id);
  if (agent < members.size()) record["member"] = members[agent];
  wire::append_record_begin(out, origin);
  out.append(json_text(record), 1);  // without its opening brace
}

}  // namespace

Result<RouteAnswer> answer_route(const Router& router, const std::vector<std::string>& members,
                                 std::string_view body, const RequestOptions& request) {
  const wire::CheckedJson checked = wire::check_json(body);
  if (!checked.status) return tl::unexpected(checked.status.error());
  const bool is_object = checked.value && checked.value->is(wire::JsonSlice::Kind::object);
  const auto inputs = is_object ? checked.value->find("inputs") : std::nullopt;
  std::vector<std::string_view> texts;
  if (inputs) {
    if (!inputs->is(wire::JsonSlice::Kind::array))
      return fail(ErrorKind::invalid_input, "invalid_request",
                  "inputs: this is a " + std::string(inputs->kind_name()) +
                      "; give a list of records, each with messages, text or ids");
    for (const wire::JsonSlice& one : inputs->elements()) texts.push_back(one.text());
    if (texts.size() > kMostInputs)
      return fail(ErrorKind::invalid_input, "invalid_request",
                  "inputs: at most " + std::to_string(kMostInputs) +
                      " records at once; send the others in further requests");
  } else {
    texts.push_back(body);
  }

  std::vector<wire::Record<RouterQuery>> records;
  for (const std::string_view text : texts)
    records.push_back(wire::read_query({std::string(text), 0, false}));
  std::vector<QueryView> queries;
  for (const auto& record : records)
    if (record.value) queries.emplace_back(*record.value);
  DecisionRule rule;
  rule.hashes = true;
  const std::vector<Result<Decision>> decisions = router.route_batch(queries, {}, rule, request);

  std::string out = inputs ? R"({"object":"list","data":[)" : "";
  std::size_t next = 0;
  for (const auto& record : records) {
    const Result<Decision> decision =
        record.value ? decisions[next++] : tl::unexpected(record.value.error());
    if (!inputs && !decision) return tl::unexpected(decision.error());
    if (&record != &records.front()) out += ',';
    if (decision) {
      append_decision(out, record.origin, *decision, members);
    } else {
      wire::append_record_error(out, record.origin, decision.error());
      if (out.back() == '\n') out.pop_back();
    }
  }
  if (inputs) out += "]}";
  return RouteAnswer{200, std::move(out) + "\n"};
}

}  // namespace trinity::serve
