#include "tensor/checkpoint.h"

#include <algorithm>
#include <utility>

#include "base/inside_path.h"
#include "base/json.h"
#include "base/utf8.h"

namespace trinity {

namespace {

constexpr const char* index_name = "model.safetensors.index.json";
constexpr std::size_t max_index_bytes = std::size_t{64} << 20;

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return fail(ErrorKind::missing, "missing_file",
                "the model folder " + folder.string() + " does not exist; check the path");
  }
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  const auto index = folder / index_name;
  const bool indexed = std::filesystem::exists(std::filesystem::symlink_status(index, error));
  auto status = indexed ? checkpoint.open_indexed(index) : checkpoint.open_all();
  if (!status) return tl::unexpected(std::move(status.error()));
  return checkpoint;
}

Status Checkpoint::open_indexed(const std::filesystem::path& index) {
  const auto text = read_text_file(index, max_index_bytes);
  if (!text) return tl::unexpected(text.error());
  const auto json = parse_json(*text);
  if (!json) return fail_in(index.string(), json.error());
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorKind::invalid_input, "invalid_weight_index",
                "the weight index " + index.string() + " " + what + "; get an undamaged copy");
  };
  if (!json->is_object() || !json->contains("weight_map")) return invalid("has no weight_map");
  const auto& weight_map = (*json)["weight_map"];
  if (!weight_map.is_object() || weight_map.empty()) return invalid("has an empty weight_map");

  std::map<std::string, std::vector<std::string>> tensors_of;  // file name -> tensor names
  for (const auto& [tensor, file] : weight_map.items()) {
    if (!file.is_string()) return invalid("maps a tensor to something that is no file name");
    const auto& name = file.as_string();
    // By its parts only: folders of a model cache hold links to files elsewhere.
    if (!is_inside_name(name)) {
      return fail(ErrorKind::invalid_input, "path_outside_folder",
                  "the weight index " + index.string() + " names a file outside its folder (" +
                      excerpt(name) + "); use only file names inside it");
    }
    tensors_of[name].push_back(tensor);
  }
  for (const auto& [name, tensors] : tensors_of) {
    auto file = SafetensorsFile::open(folder_ / name);
    if (!file) return tl::unexpected(std::move(file.error()));
    for (const std::string& tensor : tensors) {
      if (file->find(tensor) == nullptr) {
        return fail(ErrorKind::invalid_input, "missing_tensor",
                    "the file " + file->path().string() + " lacks the tensor " + excerpt(tensor) +
                        " that the weight index places there; get a complete copy");
      }
      file_of_.emplace(tensor, files_.size());
    }
    files_.push_back(std::move(*file));
  }
  return {};
}

Status Checkpoint::open_all() {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".safetensors") paths.push_back(entry->path());
  }
  if (error) {
    return fail(ErrorKind::failed, "unreadable_file",
                "the model folder " + folder_.string() + " cannot be listed (" + error.message() +
                    "); check its permissions");
  }
  if (paths.empty()) {
    return fail(ErrorKind::missing, "missing_weights",
                "the model folder " + folder_.string() +
                    " holds no safetensors file; point at a folder with the model's weights");
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    auto file = SafetensorsFile::open(path);
    if (!file) return tl::unexpected(std::move(file.error()));
    for (const TensorInfo& tensor : file->tensors()) {
      const auto [place, is_new] = file_of_.emplace(tensor.name, files_.size());
      if (!is_new) {
        return fail(ErrorKind::invalid_input, "duplicate_tensor",
                    "the tensor " + excerpt(tensor.name) + " is in both " +
                        files_[place->second].path().string() + " and " + path.string() +
                        "; keep one of the files");
      }
    }
    files_.push_back(std::move(*file));
  }
  return {};
}

const TensorInfo* Checkpoint::find(std::string_view name) const {
  const auto place = file_of_.find(name);
  return place == file_of_.end() ? nullptr : files_[place->second].find(name);
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  names.reserve(file_of_.size());
  for (const auto& [name, file] : file_of_) names.push_back(name);
  return names;
}

Result<TensorView> Checkpoint::tensor(std::string_view name) const {
  const auto place = file_of_.find(name);
  if (place == file_of_.end()) {
    return fail(ErrorKind::invalid_input, "missing_tensor",
                "the model folder " + folder_.string() + " has no tensor named " +
                    std::string(name) + "; use the weights that belong to this model");
  }
  return files_[place->second].tensor(name);
}

void Checkpoint::release(std::string_view name) const {
  const auto place = file_of_.find(name);
  if (place != file_of_.end()) files_[place->second].release(name);
}

std::uint64_t Checkpoint::total_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [name, file] : file_of_) total += files_[file].find(name)->size;
  return total;
}

}  // namespace trinity
