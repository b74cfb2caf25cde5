// A model folder's weights: one namespace over its safetensors files.
//
// With `model.safetensors.index.json` in the folder, its weight_map says which file holds which
// tensor, and nothing else is looked at. Without it, all `*.safetensors` files of the folder are
// joined. Nothing is read before a tensor is asked for, except the headers.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/safetensors.h"

namespace trinity {

class Checkpoint {
 public:
  /// Errors: `missing_file` (the folder, or a file that the index names), `missing_weights` (no
  /// safetensors file in the folder), `invalid_weight_index` (no weight_map of file names),
  /// `path_outside_folder` (a file name in it is absolute or leaves the folder), `missing_tensor`
  /// (a file lacks a tensor that the index places there), `duplicate_tensor` (two files hold the
  /// same name), and those of parse_json and SafetensorsFile::open.
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// nullptr if there is no such tensor.
  const TensorInfo* find(std::string_view name) const;
  /// All tensor names, sorted bytewise.
  std::vector<std::string> names() const;
  /// The view lives as long as the checkpoint. Errors: `missing_tensor`, `unknown_dtype`.
  Result<TensorView> tensor(std::string_view name) const;
  /// Tells the kernel that a tensor's pages are not needed for now. Unknown names are ignored.
  void release(std::string_view name) const;
  /// Bytes of all tensors together.
  std::uint64_t total_bytes() const;
  /// The files, in the order of their names.
  const std::vector<SafetensorsFile>& files() const { return files_; }

 private:
  Checkpoint() = default;
  Status open_indexed(const std::filesystem::path& index);
  Status open_all();

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, std::size_t, std::less<>> file_of_;  // tensor name -> place in files_
};

}  // namespace trinity
