// The published bits of the exact lanes: what every machine must give.
//
// lab/golden/exact_bits.json holds one table for each arithmetic ("f32", "int8"), whichever lane
// computes it: a SHA-256 for each operation on generated inputs (prove/golden/exact_ops.h), and for
// each of the repository's own cases the tiny router's route hash and the SHA-256 of its logits.
// The same file is right on every machine, so a lane that differs from it here is wrong here, and
// the first operation that parts says where to look.
//
//   {"schema_version": 1, "router_sha256", "cases_sha256",
//    "arithmetic": {"f32": {"ops": {"embed": sha256, …},
//                           "cases": [{"id", "route_hash", "logits_sha256"}, …]}, …}}
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "prove/golden/exact_ops.h"
#include "prove/matrix/lanes.h"

namespace trinity::prove {

struct CaseBits {
  std::string id;
  std::string route_hash;
  std::string logits_sha256;  // of the f32 bytes, agents first
};

/// One table. An empty one says that nothing is published.
struct ExactBits {
  std::vector<OpBits> ops;
  std::vector<CaseBits> cases;
};

struct PublishedBits {
  // What the cases belong to: another router or other cases give other bits on every machine.
  std::string router_sha256;
  std::string cases_sha256;
  std::map<std::string, ExactBits> arithmetic;
};

/// "f32" or "int8", the arithmetic whose bits a backend must have; nothing for one that is not
/// exact.
std::optional<std::string> exact_arithmetic(std::string_view backend);

/// Errors: those of parse_json, `unsupported_schema_version`, `invalid_exact_bits`.
Result<PublishedBits> read_published_bits(std::string_view text);
/// One case a line.
std::string published_bits_text(const PublishedBits& bits);
/// The file that is compiled into the program; no tables in a build without it.
Result<PublishedBits> built_in_published_bits();

/// Which of the built-in cases are computed; an empty function means all.
using CaseFilter = std::function<bool(std::span<const int32_t> ids)>;
/// A filter that lets no case through: the operations alone.
bool no_cases(std::span<const int32_t> ids);

/// What a lane computes here: its operations and the cases of the embedded tiny router. Errors:
/// those of the lane, of the router and of the cases.
Result<ExactBits> record_exact_bits(const MatrixLane& lane, const CaseFilter& filter = {});
/// The hashes that say what the recorded cases belong to, without tables.
Result<PublishedBits> empty_published_bits();

struct ExactComparison {
  std::string lane, arithmetic;
  bool published = true;         // false: there is no table for this arithmetic
  bool cases_comparable = true;  // false: the published cases belong to another router or set
  std::size_t ops = 0, cases = 0;
  std::vector<std::string> parted_ops;    // in the order of the forward pass
  std::vector<std::string> parted_cases;  // in the order of the set

  /// Every bit that was computed is the published one.
  bool passed() const {
    return published && cases_comparable && parted_ops.empty() && parted_cases.empty();
  }
  /// For people, without the lane: "this machine's bits are the published ones (…)", or the first
  /// operation and case that part.
  std::string sentence() const;
};

/// Compares what `here` holds with the table of its arithmetic; what the table lacks has parted.
/// `program` says what the cases here belong to (empty_published_bits).
ExactComparison compare_exact_bits(const std::string& lane, const std::string& arithmetic,
                                   const ExactBits& here, const PublishedBits& published,
                                   const PublishedBits& program);

/// Records a lane and compares it with the built-in tables. Errors: those of recording,
/// `lane_without_exact_bits` for a lane that has no defined bits.
Result<ExactComparison> compare_with_published(const MatrixLane& lane,
                                               const CaseFilter& filter = {});

}  // namespace trinity::prove
