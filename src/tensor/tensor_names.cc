#include "tensor/tensor_names.h"

#include <array>

namespace trinity {
namespace {

constexpr std::array<std::string_view, 2> kWrappers = {"_orig_mod.", "module."};
constexpr std::array<std::string_view, 3> kOfBareModel = {"layers.", "embed_tokens.", "norm."};

}  // namespace

std::string canonical_tensor_name(std::string_view stored) {
  // Wrappers go at every place where a part of the name begins.
  std::string name;
  bool at_part = true;
  while (!stored.empty()) {
    bool wrapped = false;
    for (const std::string_view wrapper : kWrappers)
      if (at_part && stored.size() > wrapper.size() && stored.starts_with(wrapper)) {
        stored.remove_prefix(wrapper.size());
        wrapped = true;
      }
    if (wrapped) continue;
    at_part = stored.front() == '.';
    name += stored.front();
    stored.remove_prefix(1);
  }
  for (const std::string_view bare : kOfBareModel)
    if (name.starts_with(bare)) return "model." + name;
  return name;
}

}  // namespace trinity
