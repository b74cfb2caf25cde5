#include "router/tokenizer_search.h"

#include <algorithm>
#include <string>
#include <system_error>

namespace trinity::router {
namespace {

constexpr int kLevels = 3;

bool is_tokenizer_folder(const std::string& name) {
  constexpr std::string_view suffix = "_tokenizer";
  return name == "tokenizer" || (name.size() > suffix.size() && name.ends_with(suffix));
}

}  // namespace

std::filesystem::path own_vocabulary(const std::filesystem::path& model_folder) {
  std::error_code error;
  for (const char* name : {"vocab.json", "merges.txt", "vocab.txt", "tokenizer.model",
                           "spiece.model", "sentencepiece.bpe.model", "qwen.tiktoken"})
    if (std::filesystem::exists(model_folder / name, error)) return model_folder / name;
  return {};
}

std::vector<std::filesystem::path> tokenizer_candidates(const std::filesystem::path& model_folder) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  const auto add = [&](const std::filesystem::path& file) {
    if (std::filesystem::is_regular_file(file, error)) found.push_back(file);
  };
  add(model_folder / "tokenizer.json");
  std::filesystem::path above = std::filesystem::weakly_canonical(model_folder, error);
  for (int level = 0; level < kLevels && above.has_relative_path(); ++level) {
    above = above.parent_path();
    std::vector<std::filesystem::path> folders;
    for (std::filesystem::directory_iterator it(above, error), end; !error && it != end;
         it.increment(error))
      if (is_tokenizer_folder(it->path().filename().string())) folders.push_back(it->path());
    std::sort(folders.begin(), folders.end());  // the order of a directory is arbitrary
    for (const auto& folder : folders) add(folder / "tokenizer.json");
  }
  return found;
}

}  // namespace trinity::router
