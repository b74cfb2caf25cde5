// Byte-level byte-pair encoding of one piece.
//
// A piece starts as its single bytes. The neighbouring pair with the lowest rank merges, the
// leftmost first among equals, until no pair has a rank. Three ways to the same result:
//
//   array   the ranks of all pairs in an array, searched for the smallest one at every step:
//   quadratic,
//           and fastest for the few bytes of a usual piece;
//   heap    a linked list of tokens and a heap of (rank, position): n log n on any input and any
//   table; rounds  for ordered tables (MergeTable::is_ordered), one round a rank: all its pairs are
//   known when
//           the round begins, so its positions are merged from left to right. Near linear.
//
// Most pieces are a token of the vocabulary. Such a token is the encoding of its own bytes in every
// trained table, but a file need not be one, so each is merged once and the answer is remembered.
#pragma once

#include <trinity/error.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/merge_table.h"
#include "text/vocabulary.h"

namespace trinity::text {

class Bpe {
 public:
  enum class Method { array, heap, rounds };

  Bpe() = default;
  /// `vocabulary` has its index; `rules` are in rank order. Errors: `invalid_tokenizer` (a byte
  /// without a token, a pair listed twice, too many rules).
  static Result<Bpe> create(Vocabulary vocabulary, const std::vector<MergeRule>& rules);

  /// Appends the ids of `piece` (not empty) to `ids`. Safe from any number of threads.
  void encode(std::string_view piece, std::vector<std::int32_t>& ids) const;

  /// The same without the vocabulary shortcut and by a given method (`rounds` needs an ordered
  /// table).
  void merge(std::string_view piece, Method method, std::vector<std::int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const MergeTable& merges() const { return merges_; }

 private:
  /// What is known about a token of the vocabulary: whether its bytes encode to itself.
  enum class Stability : std::uint8_t { unknown, stable, unstable };

  bool is_stable(std::int32_t id) const;
  void merge_by_best_method(std::string_view piece, std::vector<std::int32_t>& ids) const;
  std::int32_t byte_id(char byte) const { return byte_ids_[static_cast<unsigned char>(byte)]; }

  void merge_array(std::string_view piece, std::vector<std::int32_t>& ids) const;
  void merge_heap(std::string_view piece, std::vector<std::int32_t>& ids) const;
  void merge_rounds(std::string_view piece, std::vector<std::int32_t>& ids) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::vector<std::int32_t> byte_ids_;  // [256]
  // [id]; written by whichever thread asks first, always with the same value.
  std::unique_ptr<std::atomic<Stability>[]> stability_;
};

}  // namespace trinity::text
