#include "text/vocabulary.h"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "text/byte_hash.h"

namespace trinity::text {

namespace {

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid_input, "invalid_tokenizer", std::move(message));
}

}  // namespace

void Vocabulary::reserve(std::size_t token_count, std::size_t byte_count) {
  block_.reserve(byte_count);
  entries_.reserve(token_count);
  added_.reserve(token_count);
}

Status Vocabulary::add(std::string_view bytes, std::int64_t id) {
  if (id < 0 || id >= id_bound) {
    return invalid(fmt::format("a vocabulary token has the id {}; ids must lie between 0 and {}",
                               id, id_bound - 1));
  }
  if (bytes.empty()) return invalid(fmt::format("the token with the id {} is empty", id));
  if (block_.size() + bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return invalid("the vocabulary holds more than 4 GiB of token bytes");
  }
  const auto slot = static_cast<std::size_t>(id);
  if (slot >= entries_.size()) entries_.resize(slot + 1);
  if (entries_[slot].length != 0) {
    return invalid(fmt::format("two vocabulary tokens have the id {}", id));
  }
  entries_[slot] = {static_cast<std::uint32_t>(block_.size()),
                    static_cast<std::uint32_t>(bytes.size())};
  block_.append(bytes);
  added_.push_back(static_cast<std::int32_t>(id));
  return {};
}

Status Vocabulary::build_index() {
  slots_.assign(std::bit_ceil(added_.size() * 2 + 1), Slot{});
  mask_ = slots_.size() - 1;
  for (const std::int32_t id : added_) {
    const std::string_view token = bytes(id);
    const std::uint64_t hash = hash_bytes(token);
    std::size_t position = hash & mask_;
    while (slots_[position].id != none) {
      if (slots_[position].tag == tag_of(hash) && bytes(slots_[position].id) == token) {
        return invalid(fmt::format("the vocabulary lists one token twice, with the ids {} and {}",
                                   slots_[position].id, id));
      }
      position = (position + 1) & mask_;
    }
    slots_[position] = {tag_of(hash), id};
  }
  return {};
}

std::int32_t Vocabulary::find(std::string_view bytes_wanted) const {
  const std::uint64_t hash = hash_bytes(bytes_wanted);
  std::size_t position = hash & mask_;
  while (slots_[position].id != none) {
    if (slots_[position].tag == tag_of(hash) && bytes(slots_[position].id) == bytes_wanted) {
      return slots_[position].id;
    }
    position = (position + 1) & mask_;
  }
  return none;
}

}  // namespace trinity::text
