// Finding the tokenizer that belongs to a model folder.
//
// A folder of a hub holds its own tokenizer.json. Collections of models that share one vocabulary
// keep it once, in a folder `tokenizer` or `<name>_tokenizer` beside the models or above them. The
// nearest one wins.
#pragma once

#include <filesystem>
#include <vector>

namespace trinity::router {

/// The file of the model folder in which it keeps a vocabulary of its own beside or instead of a
/// tokenizer.json (vocab.json, merges.txt, ...); empty if there is none. Such a model must not be
/// read with another model's vocabulary.
std::filesystem::path own_vocabulary(const std::filesystem::path& model_folder);

/// Existing tokenizer.json files for a model folder, best first: its own, then those in
/// `tokenizer/` and `*_tokenizer/` folders beside it and beside its parents, three levels up.
std::vector<std::filesystem::path> tokenizer_candidates(const std::filesystem::path& model_folder);

}  // namespace trinity::router
