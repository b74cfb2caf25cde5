#include "adapt/tie_mode.h"

namespace trinity::adapt {

std::vector<size_t> offset_blocks(const Selection& selection, size_t place, TieMode mode) {
  const auto place_of = [&](std::string_view path) {
    for (size_t i = 0; i < selection.tensors.size(); ++i)
      if (selection.tensors[i].path == path) return i;
    return selection.tensors.size();
  };
  const size_t embedding = place_of(kEmbeddingPath), head = place_of(kLmHeadPath);
  const bool both = embedding < selection.tensors.size() && head < selection.tensors.size();
  if (!both || (place != embedding && place != head)) return {place};
  switch (mode) {
    case TieMode::embed_offsets:
      return {place};
    case TieMode::last_write:
      return {selection.tied ? head : place};
    case TieMode::lm_head_offsets:
      return {head};
    case TieMode::compound:
      if (place == head && !selection.tied) return {head};
      return {embedding, head};
  }
  return {place};
}

}  // namespace trinity::adapt
