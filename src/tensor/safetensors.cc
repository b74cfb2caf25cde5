#include "tensor/safetensors.h"

#include <algorithm>
#include <utility>

#include "base/foreign_file.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr std::size_t kBeginning = 512;  // bytes by which another format is known

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));
  auto header = parse_safetensors_header(mapped->bytes());
  if (!header) {
    // Only now: the length at the beginning of a good file may spell anything.
    if (const auto foreign =
            foreign_to_binary(as_text(mapped->bytes().first(std::min(mapped->size(), kBeginning)))))
      return fail(ErrorKind::invalid_input, "foreign_file", path.string() + " " + *foreign);
    return fail_in(path.string(), std::move(header.error()));
  }
  SafetensorsFile file;
  file.path_ = path;
  file.mapped_ = std::move(*mapped);
  file.header_ = std::move(*header);
  return file;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  names.reserve(header_.tensors.size());
  for (const TensorInfo& tensor : header_.tensors) names.push_back(tensor.name);
  return names;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto place =
      std::lower_bound(header_.tensors.begin(), header_.tensors.end(), name,
                       [](const TensorInfo& a, std::string_view b) { return a.name < b; });
  return place != header_.tensors.end() && place->name == name ? &*place : nullptr;
}

Result<TensorView> SafetensorsFile::tensor(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) {
    return fail(ErrorKind::invalid_input, "missing_tensor",
                "the file " + path_.string() + " has no tensor named " + excerpt(name) +
                    "; use the weights that belong to this model");
  }
  if (!info->dtype) {
    auto unknown = parse_dtype(info->dtype_name);
    return fail_in(path_.string() + ": tensor " + excerpt(info->name), std::move(unknown.error()));
  }
  return TensorView{*info->dtype, info->shape,
                    mapped_.bytes().subspan(static_cast<std::size_t>(info->offset),
                                            static_cast<std::size_t>(info->size))};
}

Result<TensorView> SafetensorsFile::row_slice(std::string_view name, std::int64_t row_start,
                                              std::int64_t row_count) const {
  auto whole = tensor(name);
  if (!whole) return whole;
  return trinity::row_slice(*whole, row_start, row_count);
}

void SafetensorsFile::release(std::string_view name) const {
  if (const TensorInfo* info = find(name)) {
    mapped_.advise_dontneed(static_cast<std::size_t>(info->offset),
                            static_cast<std::size_t>(info->size));
  }
}

}  // namespace trinity
