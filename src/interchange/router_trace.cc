#include "interchange/router_trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/json_value.h"
#include "base/sha256.h"
#include "base/try.h"
#include "hash/canonical.h"
#include "route/selection.h"

namespace trinity::interchange {
namespace {

constexpr const char* kTraceSchema = "trinity_sakana_router_trace.v1";
constexpr const char* kComparisonSchema = "trinity_sakana_router_trace_comparison.v1";
constexpr std::size_t kHiddenPrefix = 8;

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

std::vector<double> doubles(std::span<const float> values) {
  return {values.begin(), values.end()};
}

/// A list of numbers; nothing when it is something else.
std::optional<std::vector<double>> number_list(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<double> numbers;
  for (const auto& one : value) {
    if (!one.is_number()) return std::nullopt;
    numbers.push_back(one.as_double());
  }
  return numbers;
}

Json exact_check(const char* name, const Json& theirs, const Json& ours) {
  const Json &expected = theirs[name], &observed = ours[name];
  return {{"name", name},         {"required", true},
          {"kind", "exact"},      {"passed", !expected.is_null() && expected == observed},
          {"expected", expected}, {"observed", observed}};
}

Json shape_of(const Json& value) {
  return value.is_array() ? Json::array({value.size()}) : Json(nullptr);
}

Json alignment_check(const char* name, const Json& theirs, const Json& ours,
                     const AlignmentTolerances& limits) {
  Json check = {{"name", name}, {"required", true}, {"kind", "alignment"}};
  const auto a = number_list(theirs[name]), b = number_list(ours[name]);
  if (!a || !b || a->size() != b->size()) {
    check.update(Json{{"passed", false},
                      {"expected_shape", shape_of(theirs[name])},
                      {"observed_shape", shape_of(ours[name])},
                      {"reason", "non-list or length mismatch"}});
    return check;
  }
  double largest = 0, sum = 0, dot = 0, aa = 0, bb = 0, squares = 0;
  for (std::size_t i = 0; i < a->size(); ++i) {
    const double x = (*a)[i], y = (*b)[i], difference = x - y;
    largest = std::max(largest, std::abs(difference));
    sum += std::abs(difference);
    squares += difference * difference;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  const double cosine = aa > 0 && bb > 0 ? dot / (std::sqrt(aa) * std::sqrt(bb)) : 0.0;
  const double relative = std::sqrt(squares) / std::max(std::sqrt(aa), 1e-12);
  check.update(Json{{"passed", cosine >= limits.min_cosine && relative <= limits.max_relative_l2},
                    {"max_abs_error", largest},
                    {"mean_abs_error", a->empty() ? 0.0 : sum / static_cast<double>(a->size())},
                    {"max_abs_tolerance", limits.max_abs},
                    {"mean_abs_tolerance", limits.mean_abs},
                    {"cosine_similarity", cosine},
                    {"min_cosine", limits.min_cosine},
                    {"relative_l2_error", relative},
                    {"max_relative_l2", limits.max_relative_l2},
                    {"value_count", a->size()}});
  return check;
}

}  // namespace

Result<Json> router_trace(const RouterTraceInput& input) {
  const HeadView& head = input.head;
  const std::span<const float> logits = input.logits;
  TRINITY_TRY(const Route route, route::select_route(logits, head.num_agents, head.num_roles, {}));
  Json messages = Json::array();
  for (const Message& message : input.messages)
    messages.push_back({{"role", message.role}, {"content", message.content}});
  return Json{{"schema", kTraceSchema},
              {"runtime", "native.cpp"},
              {"artifact_dir", text_or_null(input.artifact_dir)},
              {"artifact_manifest_sha256", text_or_null(input.artifact_manifest_sha256)},
              {"messages", std::move(messages)},
              {"transcript", input.transcript},
              {"transcript_sha256", sha256_hex(input.transcript)},
              {"input_ids", input.ids},
              {"token_ids_sha256", hash::token_ids_sha256(input.ids)},
              {"attention_mask_shape", {1, input.ids.size()}},
              {"hidden_state_shape", {1, input.ids.size(), input.hidden.size()}},
              {"hidden_position", -2},
              {"hidden_index", input.hidden_index},
              {"hidden_vector_shape", {1, input.hidden.size()}},
              {"hidden_vector_sha256_as_f32", hash::f32_sha256(input.hidden)},
              {"hidden_vector_prefix_f32",
               doubles(input.hidden.first(std::min(kHiddenPrefix, input.hidden.size())))},
              {"hidden_vector_f32", doubles(input.hidden)},
              {"head_weight_shape", {head.num_agents + head.num_roles, head.hidden_size}},
              {"head_weight_sha256_as_f32", hash::f32_sha256(head.weights)},
              {"logits_shape", {1, logits.size()}},
              {"logits_sha256_as_f32", hash::f32_sha256(logits)},
              {"logits", doubles(logits)},
              {"agent_logits", doubles(logits.first(head.num_agents))},
              {"role_logits", doubles(logits.subspan(head.num_agents))},
              {"argmax_agent_id", route.agent_id},
              {"argmax_role_id", route.role_id},
              {"role_name", role_name(route.role_id)},
              {"notes", input.notes}};
}

Json compare_router_traces(const Json& theirs, const Json& ours,
                           const RouterTraceTolerances& tolerances) {
  Json checks = Json::array();
  for (const char* name :
       {"schema", "transcript_sha256", "token_ids_sha256", "input_ids", "head_weight_sha256_as_f32",
        "hidden_vector_shape", "logits_shape", "argmax_agent_id", "argmax_role_id"})
    checks.push_back(exact_check(name, theirs, ours));
  checks.push_back(alignment_check("hidden_vector_f32", theirs, ours, tolerances.hidden));
  checks.push_back(alignment_check("logits", theirs, ours, tolerances.logits));
  const auto failed = std::count_if(checks.begin(), checks.end(),
                                    [](const Json& check) { return !check["passed"].as_bool(); });
  return {{"schema", kComparisonSchema},
          {"required_checks", checks.size()},
          {"failed_required", failed},
          {"tolerances",
           {{"hidden_max_abs", tolerances.hidden.max_abs},
            {"hidden_mean_abs", tolerances.hidden.mean_abs},
            {"hidden_min_cosine", tolerances.hidden.min_cosine},
            {"hidden_max_relative_l2", tolerances.hidden.max_relative_l2},
            {"logits_max_abs", tolerances.logits.max_abs},
            {"logits_mean_abs", tolerances.logits.mean_abs},
            {"logits_min_cosine", tolerances.logits.min_cosine},
            {"logits_max_relative_l2", tolerances.logits.max_relative_l2}}},
          {"checks", std::move(checks)}};
}

}  // namespace trinity::interchange
