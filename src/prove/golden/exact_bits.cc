#include "prove/golden/exact_bits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json_value.h"
#include "base/sha256.h"
#include "base/try.h"
#include "hash/canonical.h"
#include "prove/built_in.h"
#include "prove/eval/cases.h"
#include "prove/matrix/model.h"
#include "router/embedded_files.h"
#include "router/model_files.h"
#include "text/router_input.h"

namespace trinity::prove {
namespace {

constexpr const char* kFile = "exact_bits.json";
constexpr const char* kCases = "tiny_router.json";

/// The files of the embedded router that its decisions depend on, in a fixed order.
std::string router_sha256() {
  Sha256 hash;
  for (const std::string_view name :
       {"config.json", "tokenizer.json", "model.safetensors", "router_head.safetensors"})
    for (const EmbeddedFile& file : router::embedded_files())
      if (file.name == name) hash.update(sha256_hex(file.bytes));
  return hash.hex();
}

Result<std::vector<MatrixCase>> cases_as_ids(const text::Tokenizer& tokenizer,
                                             const CaseFilter& filter) {
  TRINITY_TRY(const EvalCaseSet set, built_in_eval_cases());
  std::vector<MatrixCase> cases;
  for (const EvalCase& one : set.cases) {
    auto input = text::build_router_input(tokenizer, one.messages);
    if (!input) return fail_in("case " + one.id, input.error());
    if (!filter || filter(input->ids)) cases.push_back({one.id, std::move(input->ids)});
  }
  return cases;
}

Result<std::vector<CaseBits>> record_cases(const MatrixLane& lane, const CaseFilter& filter) {
  TRINITY_TRY(const std::unique_ptr<router::ModelFiles> files, router::open_tiny_router());
  TRINITY_TRY(const model::ModelConfig config, files->config());
  TRINITY_TRY(const text::Tokenizer tokenizer, files->tokenizer());
  TRINITY_TRY(const route::Head head, files->head());
  TRINITY_TRY(const std::vector<MatrixCase> cases, cases_as_ids(tokenizer, filter));
  if (cases.empty()) return std::vector<CaseBits>();
  TRINITY_TRY(const LaneAnswers answers,
              lane_answers(lane, {config, files->tensors(), head}, cases));
  std::vector<CaseBits> bits;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const CaseDecision& decision = answers.decisions[i];
    TRINITY_TRY(std::string route, hash::route_hash(decision.agent, decision.role,
                                                    std::span<const float>(answers.logits[i])));
    bits.push_back({cases[i].id, std::move(route), hash::f32_sha256(answers.logits[i])});
  }
  return bits;
}

std::string first_of(const char* what, const std::vector<std::string>& names) {
  return names.empty() ? std::string()
                       : fmt::format("{} {} ({} in all)", what, names.front(), names.size());
}

}  // namespace

std::optional<std::string> exact_arithmetic(std::string_view backend) {
  if (backend == "cpu_f32" || backend == "reference_exact") return "f32";
  if (backend == "cpu_int8" || backend == "reference_exact_int8") return "int8";
  return std::nullopt;
}

Result<PublishedBits> built_in_published_bits() {
  const auto text = built_in_lab_file(kFile);
  return text ? read_published_bits(*text) : PublishedBits();
}

Result<PublishedBits> empty_published_bits() {
  const auto cases = built_in_lab_file(kCases);
  if (!cases)
    return fail(ErrorKind::missing, "missing_eval_cases",
                "this build holds no cases of its own; build with lab/cases");
  PublishedBits bits;
  bits.router_sha256 = router_sha256();
  bits.cases_sha256 = sha256_hex(*cases);
  return bits;
}

bool no_cases(std::span<const int32_t>) { return false; }

Result<ExactBits> record_exact_bits(const MatrixLane& lane, const CaseFilter& filter) {
  ExactBits bits;
  TRINITY_TRY(const std::unique_ptr<backend::Backend> backend, lane.create());
  TRINITY_TRY(bits.ops, exact_op_bits(*backend));
  TRINITY_TRY(bits.cases, record_cases(lane, filter));
  return bits;
}

std::string ExactComparison::sentence() const {
  if (!published)
    return fmt::format(
        "nothing is published for the arithmetic {}, so these bits are not proved; record it with "
        "`trinity lab golden --out lab/golden/exact_bits.json`",
        arithmetic);
  if (!parted_ops.empty() || !parted_cases.empty()) {
    const std::string op = first_of("in operation", parted_ops);
    const std::string one = first_of("in case", parted_cases);
    return fmt::format("this machine's bits part from the published ones, first {}{}{}", op,
                       op.empty() || one.empty() ? "" : ", ", one);
  }
  if (!cases_comparable)
    return "the published bits belong to another tiny router or other cases; record them with "
           "`trinity lab golden --out lab/golden/exact_bits.json`";
  return fmt::format("this machine's bits are the published ones ({} operations, {} cases)", ops,
                     cases);
}

ExactComparison compare_exact_bits(const std::string& lane, const std::string& arithmetic,
                                   const ExactBits& here, const PublishedBits& published,
                                   const PublishedBits& program) {
  ExactComparison out;
  out.lane = lane;
  out.arithmetic = arithmetic;
  const auto table = published.arithmetic.find(arithmetic);
  out.published = table != published.arithmetic.end() && !table->second.ops.empty() &&
                  !table->second.cases.empty();
  if (!out.published) return out;
  const ExactBits& there = table->second;
  for (const OpBits& op : here.ops) {
    const bool same = std::any_of(there.ops.begin(), there.ops.end(), [&](const OpBits& other) {
      return other.op == op.op && other.sha256 == op.sha256;
    });
    if (!same) out.parted_ops.push_back(op.op);
  }
  out.ops = here.ops.size();
  out.cases_comparable = here.cases.empty() || (published.router_sha256 == program.router_sha256 &&
                                                published.cases_sha256 == program.cases_sha256);
  if (!out.cases_comparable) return out;
  for (const CaseBits& one : here.cases) {
    const bool same =
        std::any_of(there.cases.begin(), there.cases.end(), [&](const CaseBits& other) {
          return other.id == one.id && other.route_hash == one.route_hash &&
                 other.logits_sha256 == one.logits_sha256;
        });
    if (!same) out.parted_cases.push_back(one.id);
  }
  out.cases = here.cases.size();
  return out;
}

Result<ExactComparison> compare_with_published(const MatrixLane& lane, const CaseFilter& filter) {
  const auto arithmetic = exact_arithmetic(lane.backend);
  if (!arithmetic)
    return fail(
        ErrorKind::usage, "lane_without_exact_bits",
        fmt::format("profile {} has no defined bits; name one that `trinity profiles` calls "
                    "exact",
                    lane.name));
  TRINITY_TRY(const PublishedBits published, built_in_published_bits());
  TRINITY_TRY(const PublishedBits program, empty_published_bits());
  // Where nothing is published there is nothing to compute for.
  if (ExactComparison nothing = compare_exact_bits(lane.name, *arithmetic, {}, published, program);
      !nothing.published)
    return nothing;
  TRINITY_TRY(const ExactBits here, record_exact_bits(lane, filter));
  return compare_exact_bits(lane.name, *arithmetic, here, published, program);
}

}  // namespace trinity::prove
