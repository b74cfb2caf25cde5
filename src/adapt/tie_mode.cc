#include "adapt/tie_mode.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace trinity {

const char* tie_mode_name(TieMode mode) {
  switch (mode) {
    case TieMode::embed_offsets:
      return "embed_offsets";
    case TieMode::last_write:
      return "last_write";
    case TieMode::lm_head_offsets:
      return "lm_head_offsets";
    case TieMode::compound:
      return "compound";
  }
  return "unknown";
}

Result<TieMode> parse_tie_mode(std::string_view name) {
  for (const TieMode mode :
       {TieMode::embed_offsets, TieMode::last_write, TieMode::lm_head_offsets, TieMode::compound})
    if (name == tie_mode_name(mode)) return mode;
  return fail(ErrorKind::usage, "invalid_tie_mode",
              fmt::format("there is no tie mode \"{}\"; known are embed_offsets, last_write, "
                          "lm_head_offsets, compound",
                          excerpt(name)));
}

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

}  // namespace trinity
