#include "text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace trinity::text {

namespace {

// Longest piece for the array method; beyond it the heap is faster (measured on text without
// spaces).
constexpr std::size_t array_limit = 64;
// Longest piece for the heap where rounds are possible; rounds pay off once the heap leaves the
// caches.
constexpr std::size_t heap_limit = 4096;

}  // namespace

Result<Bpe> Bpe::create(Vocabulary vocabulary, const std::vector<MergeRule>& rules) {
  const auto invalid = [](std::string message) {
    return fail(ErrorKind::invalid_input, "invalid_tokenizer", std::move(message));
  };
  if (rules.size() > MergeTable::max_rules) {
    return invalid(fmt::format("the tokenizer lists {} merges; at most {} are supported",
                               rules.size(), MergeTable::max_rules));
  }
  Bpe bpe;
  bpe.byte_ids_.resize(256);
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    const std::int32_t id = vocabulary.find({&text, 1});
    if (id == Vocabulary::none) {
      return invalid(fmt::format(
          "the vocabulary has no token for the byte 0x{:02X}; a byte-level tokenizer needs all 256",
          byte));
    }
    bpe.byte_ids_[static_cast<std::size_t>(byte)] = id;
  }
  std::uint32_t duplicate = MergeTable::no_rank;
  bpe.merges_ = MergeTable(rules, duplicate);
  if (duplicate != MergeTable::no_rank) {
    return invalid(fmt::format("merge {} repeats the pair of an earlier merge", duplicate));
  }
  bpe.stability_ =
      std::make_unique<std::atomic<Stability>[]>(static_cast<std::size_t>(vocabulary.id_end()));
  bpe.vocabulary_ = std::move(vocabulary);
  return bpe;
}

void Bpe::encode(std::string_view piece, std::vector<std::int32_t>& ids) const {
  const std::int32_t id = vocabulary_.find(piece);
  if (id != Vocabulary::none && is_stable(id)) {
    ids.push_back(id);
    return;
  }
  merge_by_best_method(piece, ids);
}

bool Bpe::is_stable(std::int32_t id) const {
  std::atomic<Stability>& known = stability_[static_cast<std::size_t>(id)];
  Stability stability = known.load(std::memory_order_relaxed);
  if (stability == Stability::unknown) {
    std::vector<std::int32_t> ids;
    merge_by_best_method(vocabulary_.bytes(id), ids);
    stability = ids.size() == 1 && ids[0] == id ? Stability::stable : Stability::unstable;
    known.store(stability, std::memory_order_relaxed);
  }
  return stability == Stability::stable;
}

void Bpe::merge_by_best_method(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (piece.size() <= array_limit) return merge_array(piece, ids);
  if (piece.size() <= heap_limit || !merges_.is_ordered()) return merge_heap(piece, ids);
  merge_rounds(piece, ids);
}

void Bpe::merge(std::string_view piece, Method method, std::vector<std::int32_t>& ids) const {
  switch (method) {
    case Method::array:
      return merge_array(piece, ids);
    case Method::heap:
      return merge_heap(piece, ids);
    case Method::rounds:
      return merge_rounds(piece, ids);
  }
}

void Bpe::merge_array(std::string_view piece, std::vector<std::int32_t>& ids) const {
  // The tokens are merged in place at the end of `ids`; ranks[i] belongs to tokens i and i + 1.
  const std::size_t begin = ids.size();
  for (const char byte : piece) ids.push_back(byte_id(byte));
  std::int32_t* tokens = ids.data() + begin;
  std::size_t count = piece.size();

  std::array<std::uint32_t, array_limit> small;
  std::vector<std::uint32_t> large;
  if (count > array_limit) large.resize(count);
  std::uint32_t* ranks = count > array_limit ? large.data() : small.data();
  for (std::size_t i = 0; i + 1 < count; ++i) ranks[i] = merges_.rank(tokens[i], tokens[i + 1]);

  while (count > 1) {
    const std::size_t best =
        static_cast<std::size_t>(std::min_element(ranks, ranks + count - 1) - ranks);
    if (ranks[best] == MergeTable::no_rank) break;
    tokens[best] = merges_.product(ranks[best]);
    std::copy(tokens + best + 2, tokens + count, tokens + best + 1);
    std::copy(ranks + std::min(best + 2, count - 1), ranks + count - 1, ranks + best + 1);
    --count;
    if (best > 0) ranks[best - 1] = merges_.rank(tokens[best - 1], tokens[best]);
    if (best + 1 < count) ranks[best] = merges_.rank(tokens[best], tokens[best + 1]);
  }
  ids.resize(begin + count);
}

}  // namespace trinity::text
