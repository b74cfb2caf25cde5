// A model folder's weights: one namespace over its safetensors files.
//
// Which files are read: with `model.safetensors.index.json` in the folder those that its weight_map
// names, without it all `*.safetensors` files of the folder. Where `model.safetensors` lies beside
// the shards of an index, programs disagree about which of the two counts: they must hold the same
// tensors, else the folder is refused; where shards are missing, `model.safetensors` is read. What
// was decided is told in `notes`.
//
// Tensors go by their canonical names (tensor/tensor_names.h), whatever the files call them. The
// weights of a LoRA adapter in the folder are merged into those that it changes (tensor/lora.h).
// Nothing is read before a tensor is asked for, except the headers.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/lora.h"
#include "tensor/safetensors.h"

namespace trinity {

class Checkpoint {
 public:
  /// Errors: those of require_model_folder, `missing_file` (a file that the index names),
  /// `invalid_weight_index` (no weight_map of file names), `path_outside_folder` (a file name in it
  /// is absolute or leaves the folder), `missing_tensor` (a file lacks a tensor that the index
  /// places there), `duplicate_tensor` (two tensors go by the same name), `contradicting_weights`
  /// (model.safetensors and the shards differ), those of LoraAdapter::open, `invalid_adapter` (it
  /// changes a matrix that the model lacks), and those of parse_json and SafetensorsFile::open.
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// nullptr if there is no such tensor. Its name is the canonical one; a merged tensor is F32.
  const TensorInfo* find(std::string_view name) const;
  /// All tensor names, sorted bytewise.
  std::vector<std::string> names() const;
  /// The view lives as long as the checkpoint; that of a merged tensor until its `release`. Errors:
  /// `missing_tensor`, `unknown_dtype`, those of LoraAdapter::merged.
  Result<TensorView> tensor(std::string_view name) const;
  /// Says that a tensor is not needed for now: its pages, or its merged values, are dropped.
  /// Unknown names are ignored.
  void release(std::string_view name) const;
  /// Bytes of all tensors together.
  std::uint64_t total_bytes() const;
  /// The files, in the order of their names, without the adapter's.
  const std::vector<SafetensorsFile>& files() const { return files_; }
  /// One sentence for people on each choice between files and each adapter.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  Checkpoint() = default;
  Status open_indexed(const std::filesystem::path& index);
  Status open_shards(const std::map<std::string, std::vector<std::string>>& tensors_of);
  Status open_whole();
  Status open_all();
  Status open_adapter();
  Status add_file(SafetensorsFile file);
  Status add_tensor(const TensorInfo& stored, std::size_t file);
  Status reconcile(Checkpoint whole, const std::filesystem::path& index);

  struct Entry {
    TensorInfo info;     // under its canonical name
    std::string stored;  // the name in the file
    std::size_t file;    // place in files_
  };
  struct Merged;  // an adapter and what was merged so far

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Entry, std::less<>> entries_;  // by canonical name
  std::shared_ptr<Merged> merged_;                     // null without an adapter
  std::vector<std::string> notes_;
};

}  // namespace trinity
