#include "tensor/checkpoint.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <utility>

#include "base/foreign_file.h"
#include "base/inside_path.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/try.h"
#include "base/utf8.h"
#include "tensor/model_folder.h"
#include "tensor/tensor_names.h"

namespace trinity {

namespace {

constexpr std::size_t max_index_bytes = std::size_t{64} << 20;

/// With links followed: one that leads nowhere is a file that is missing.
bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// A piece of a tensor that two files hold. Its pages leave the memory when it was compared.
struct Piece {
  struct Place {
    const MappedFile* file;
    std::size_t offset;
  };
  Place a, b;
  std::size_t size;
  const std::string* tensor;  // its name

  bool same() const {
    const auto bytes = [&](const Place& at) {
      return as_text(at.file->bytes().subspan(at.offset, size));
    };
    const bool equal = bytes(a) == bytes(b);
    for (const Place& at : {a, b}) at.file->advise_dontneed(at.offset, size);
    return equal;
  }
};
constexpr std::size_t kPieceBytes = std::size_t{4} << 20;

/// Whether two files say the same of a tensor; then its bytes in both are added to `pieces`.
bool same_header(const SafetensorsFile& file_a, const TensorInfo& a, const SafetensorsFile& file_b,
                 const TensorInfo& b, const std::string& name, std::vector<Piece>& pieces) {
  if (a.dtype_name != b.dtype_name || a.shape != b.shape || a.size != b.size) return false;
  for (std::uint64_t at = 0; at < a.size; at += kPieceBytes)
    pieces.push_back({{&file_a.mapped(), static_cast<std::size_t>(a.offset + at)},
                      {&file_b.mapped(), static_cast<std::size_t>(b.offset + at)},
                      static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, a.size - at)),
                      &name});
  return true;
}

/// The first piece that differs, by all processors at once: reading both files is all the work.
const Piece* first_difference(const std::vector<Piece>& pieces) {
  std::atomic<std::size_t> first = pieces.size();
  parallel_for(pieces.size(), [&](std::size_t at) {
    if (at > first || pieces[at].same()) return;
    for (std::size_t known = first; at < known && !first.compare_exchange_weak(known, at);) {
    }
  });
  return first < pieces.size() ? &pieces[first] : nullptr;
}

/// The file name -> tensor names of an index.
Result<std::map<std::string, std::vector<std::string>>> read_index(
    const std::filesystem::path& index) {
  TRINITY_TRY(const std::string text, read_json_file(index, max_index_bytes));
  const auto json = parse_json(text);
  if (!json) return fail_in(index.string(), json.error());
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorKind::invalid_input, "invalid_weight_index",
                "the weight index " + index.string() + " " + what + "; get an undamaged copy");
  };
  if (!json->is_object() || !json->contains("weight_map")) return invalid("has no weight_map");
  const auto& weight_map = (*json)["weight_map"];
  if (!weight_map.is_object() || weight_map.empty()) return invalid("has an empty weight_map");

  std::map<std::string, std::vector<std::string>> tensors_of;
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
  return tensors_of;
}

}  // namespace

/// Merged matrices are kept from the first question to `release`. Questions may come from any
/// thread.
struct Checkpoint::Merged {
  explicit Merged(LoraAdapter from) : adapter(std::move(from)) {}

  LoraAdapter adapter;
  std::mutex mutex;
  std::map<std::string, std::vector<float>, std::less<>> values;
};

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& folder) {
  TRINITY_CHECK(require_model_folder(folder));
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  const auto index = folder / kWeightIndexFile;
  std::error_code ignored;
  const bool indexed = std::filesystem::exists(std::filesystem::symlink_status(index, ignored));
  TRINITY_CHECK(indexed ? checkpoint.open_indexed(index) : checkpoint.open_all());
  TRINITY_CHECK(checkpoint.open_adapter());
  return checkpoint;
}

Status Checkpoint::add_tensor(const TensorInfo& stored, std::size_t file) {
  Entry entry{stored, stored.name, file};
  entry.info.name = canonical_tensor_name(stored.name);
  const std::string name = entry.info.name;
  const auto [place, is_new] = entries_.emplace(name, std::move(entry));
  if (is_new) return {};
  const Entry& other = place->second;
  const std::string place_of_first = files_[other.file].path().string();
  const std::string place_of_second = files_[file].path().string();
  if (other.stored == stored.name)
    return fail(ErrorKind::invalid_input, "duplicate_tensor",
                "the tensor " + excerpt(stored.name) + " is in both " + place_of_first + " and " +
                    place_of_second + "; keep one of the files");
  return fail(ErrorKind::invalid_input, "duplicate_tensor",
              "the tensors " + excerpt(other.stored) + " in " + place_of_first + " and " +
                  excerpt(stored.name) + " in " + place_of_second +
                  " are two names of one weight; keep one of them");
}

Status Checkpoint::add_file(SafetensorsFile file) {
  files_.push_back(std::move(file));
  for (const TensorInfo& tensor : files_.back().tensors())
    TRINITY_CHECK(add_tensor(tensor, files_.size() - 1));
  return {};
}

Status Checkpoint::open_indexed(const std::filesystem::path& index) {
  TRINITY_TRY(const auto tensors_of, read_index(index));
  const bool second_set =
      is_there(folder_ / kWholeWeightsFile) && !tensors_of.contains(kWholeWeightsFile);
  std::string missing;
  std::size_t missing_count = 0;
  for (const auto& [name, tensors] : tensors_of)
    if (!is_there(folder_ / name) && missing_count++ == 0) missing = name;
  if (missing_count > 0) {
    const std::string what =
        "the weight index " + index.string() + " names " + std::to_string(missing_count) + " of " +
        std::to_string(tensors_of.size()) + " files that are not there (" + excerpt(missing) + ")";
    if (!second_set)
      return fail(ErrorKind::missing, "missing_file", what + "; get a complete copy of the model");
    notes_.push_back(what + "; the weights are read from " + kWholeWeightsFile + " beside it");
    return open_whole();
  }
  TRINITY_CHECK(open_shards(tensors_of));
  if (!second_set) return {};
  Checkpoint whole;
  whole.folder_ = folder_;
  TRINITY_CHECK(whole.open_whole());
  return reconcile(std::move(whole), index);
}

Status Checkpoint::open_shards(const std::map<std::string, std::vector<std::string>>& tensors_of) {
  for (const auto& [name, tensors] : tensors_of) {
    auto file = SafetensorsFile::open(folder_ / name);
    if (!file) return tl::unexpected(std::move(file.error()));
    files_.push_back(std::move(*file));
    for (const std::string& tensor : tensors) {
      const TensorInfo* info = files_.back().find(tensor);
      if (info == nullptr) {
        return fail(ErrorKind::invalid_input, "missing_tensor",
                    "the file " + files_.back().path().string() + " lacks the tensor " +
                        excerpt(tensor) +
                        " that the weight index places there; get a complete copy");
      }
      TRINITY_CHECK(add_tensor(*info, files_.size() - 1));
    }
  }
  return {};
}

Status Checkpoint::open_whole() {
  TRINITY_TRY(SafetensorsFile file, SafetensorsFile::open(folder_ / kWholeWeightsFile));
  return add_file(std::move(file));
}

/// This holds the shards of an index, `whole` the file beside them. Both are read once, on all
/// processors, to the first difference.
Status Checkpoint::reconcile(Checkpoint whole, const std::filesystem::path& index) {
  bool whole_is_complete = true;
  std::vector<Piece> pieces;
  const auto contradiction = [&](const std::string& name) {
    return fail(ErrorKind::invalid_input, "contradicting_weights",
                "the tensor " + excerpt(name) + " has different content in " +
                    whole.files_.front().path().string() + " and in " +
                    files_[entries_.at(name).file].path().string() + ", which " + kWeightIndexFile +
                    " names; move the set of files that is out of date away");
  };
  for (const auto& [name, entry] : entries_) {
    const TensorInfo* other = whole.find(name);
    if (other == nullptr)
      whole_is_complete = false;
    else if (!same_header(files_[entry.file], entry.info, whole.files_.front(), *other, name,
                          pieces))
      return contradiction(name);
  }
  if (const Piece* different = first_difference(pieces)) return contradiction(*different->tensor);
  const std::string both = "the folder holds its weights twice, as " +
                           std::string(kWholeWeightsFile) + " and as the files of " +
                           index.filename().string() + ", with the same content; ";
  if (!whole_is_complete) {
    notes_.push_back(both + "the files of the index are read, which hold more tensors");
    return {};
  }
  files_ = std::move(whole.files_);
  entries_ = std::move(whole.entries_);
  notes_.push_back(both + kWholeWeightsFile + " is read");
  return {};
}

Status Checkpoint::open_all() {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_weight_file_name(entry->path().filename().string())) paths.push_back(entry->path());
  }
  if (error) {
    return fail(ErrorKind::failed, "unreadable_file",
                "the model folder " + folder_.string() + " cannot be listed (" + error.message() +
                    "); check its permissions");
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    auto file = SafetensorsFile::open(path);
    if (!file) return tl::unexpected(std::move(file.error()));
    TRINITY_CHECK(add_file(std::move(*file)));
  }
  return {};
}

Status Checkpoint::open_adapter() {
  const bool weights = is_there(folder_ / kAdapterWeightsFile);
  if (!is_there(folder_ / kAdapterConfigFile)) {
    if (weights || is_there(folder_ / kMlxAdapterFile))
      notes_.push_back("the adapter " +
                       (folder_ / (weights ? kAdapterWeightsFile : kMlxAdapterFile)).string() +
                       " is not read, because there is no " + kAdapterConfigFile + " beside it");
    return {};
  }
  TRINITY_TRY(LoraAdapter adapter, LoraAdapter::open(folder_));
  const std::vector<std::string> targets = adapter.targets();
  for (const std::string& name : targets) {
    const auto place = entries_.find(name);
    if (place == entries_.end() && name == "lm_head.weight") continue;  // tied; never read
    if (place == entries_.end())
      return fail(ErrorKind::invalid_input, "invalid_adapter",
                  (folder_ / kAdapterWeightsFile).string() + ": the adapter changes " +
                      excerpt(name) +
                      ", which this model does not have; use the adapter with its "
                      "own base model");
    TensorInfo& info = place->second.info;
    TRINITY_TRY(const std::int64_t bytes, byte_count(DType::f32, info.shape));
    info.dtype = DType::f32;
    info.dtype_name = dtype_name(DType::f32);
    info.size = static_cast<std::uint64_t>(bytes);
  }
  const std::string base = adapter.config().base_model;
  notes_.push_back("the LoRA adapter " + (folder_ / kAdapterWeightsFile).string() + " (" +
                   std::to_string(targets.size()) + " matrices" +
                   (base.empty() ? "" : ", made for " + excerpt(base)) +
                   ") is merged into the weights beside it");
  merged_ = std::make_shared<Merged>(std::move(adapter));
  return {};
}

const TensorInfo* Checkpoint::find(std::string_view name) const {
  const auto place = entries_.find(name);
  return place == entries_.end() ? nullptr : &place->second.info;
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

Result<TensorView> Checkpoint::tensor(std::string_view name) const {
  const auto place = entries_.find(name);
  if (place == entries_.end()) {
    return fail(ErrorKind::invalid_input, "missing_tensor",
                "the model folder " + folder_.string() + " has no tensor named " +
                    std::string(name) + "; use the weights that belong to this model");
  }
  const Entry& entry = place->second;
  TRINITY_TRY(const TensorView stored, files_[entry.file].tensor(entry.stored));
  if (merged_ == nullptr || !merged_->adapter.changes(name)) return stored;
  const std::lock_guard lock(merged_->mutex);
  auto found = merged_->values.find(name);
  if (found == merged_->values.end()) {
    TRINITY_TRY(std::vector<float> values, merged_->adapter.merged(name, stored));
    files_[entry.file].release(entry.stored);
    found = merged_->values.emplace(std::string(name), std::move(values)).first;
  }
  return TensorView{DType::f32, entry.info.shape, std::as_bytes(std::span(found->second))};
}

void Checkpoint::release(std::string_view name) const {
  const auto place = entries_.find(name);
  if (place == entries_.end()) return;
  files_[place->second.file].release(place->second.stored);
  if (merged_ == nullptr) return;
  const std::lock_guard lock(merged_->mutex);
  if (const auto found = merged_->values.find(name); found != merged_->values.end())
    merged_->values.erase(found);
}

std::uint64_t Checkpoint::total_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [name, entry] : entries_) total += entry.info.size;
  return total;
}

}  // namespace trinity
