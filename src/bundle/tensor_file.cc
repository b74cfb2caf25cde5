#include "bundle/tensor_file.h"

#include <algorithm>

#include "base/try.h"

namespace trinity::bundle {
namespace {

/// Written bytes after which the disk is told to begin, so that the last flush is short.
constexpr std::uint64_t kWritebackBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kReadBackBytes = std::uint64_t{4} << 20;

tl::unexpected<Error> wrong_size(const std::string& what) {
  return fail(ErrorKind::failed, "tensor_size_mismatch",
              "the payload of " + what + " does not fit its declared shape");
}

}  // namespace

Result<TensorFile> TensorFile::create(const std::filesystem::path& path,
                                      const TensorDeclaration& tensor) {
  TRINITY_TRY(const std::string header, safetensors_header(std::span(&tensor, 1)));
  TRINITY_TRY(const std::int64_t size, byte_count(tensor.dtype, tensor.shape));
  TRINITY_TRY(AtomicFile file, AtomicFile::create(path));
  TensorFile out(std::move(file), static_cast<std::uint64_t>(size));
  TRINITY_CHECK(out.file_.write(std::string_view(header)));
  out.hash_.update(std::string_view(header));
  return out;
}

Status TensorFile::append(std::span<const std::byte> bytes) {
  if (bytes.size() > missing_) return wrong_size("a checkpoint");
  missing_ -= bytes.size();
  TRINITY_CHECK(file_.write(bytes));
  hash_.update(bytes);
  not_announced_ += bytes.size();
  if (not_announced_ >= kWritebackBytes) {
    file_.start_writeback();
    not_announced_ = 0;
  }
  return {};
}

Result<std::string> TensorFile::publish() {
  if (missing_ != 0) return wrong_size("a checkpoint");
  TRINITY_CHECK(file_.publish());
  file_.start_writeback();
  return hash_.hex();
}

Status TensorFile::flush() { return file_.flush(); }

Result<std::string> TensorFile::finish() {
  TRINITY_TRY(std::string hash, publish());
  TRINITY_CHECK(flush());
  return hash;
}

Result<MergedTensorFile> MergedTensorFile::create(const std::filesystem::path& path,
                                                  std::vector<TensorDeclaration> tensors) {
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  TRINITY_TRY(const std::string header, safetensors_header(tensors));
  TRINITY_TRY(AtomicFile file, AtomicFile::create(path));
  MergedTensorFile out(std::move(file));
  std::uint64_t begin = header.size();
  for (const TensorDeclaration& tensor : tensors) {
    TRINITY_TRY(const std::int64_t size, byte_count(tensor.dtype, tensor.shape));
    out.regions_[tensor.name] = {begin, static_cast<std::uint64_t>(size), 0};
    begin += static_cast<std::uint64_t>(size);
  }
  TRINITY_CHECK(
      out.file_.write_at(0, std::as_bytes(std::span<const char>(header.data(), header.size()))));
  out.hash_.update(std::string_view(header));
  out.hashed_ = header.size();
  return out;
}

Status MergedTensorFile::append(const std::string& name, std::span<const std::byte> bytes) {
  const auto found = regions_.find(name);
  if (found == regions_.end() || bytes.size() > found->second.size - found->second.written)
    return wrong_size("the merged file");
  Region& region = found->second;
  const std::uint64_t offset = region.begin + region.written;
  TRINITY_CHECK(file_.write_at(offset, bytes));
  region.written += bytes.size();
  if (offset == hashed_) {  // next in line: no need to read it back
    hash_.update(bytes);
    hashed_ += bytes.size();
  }
  not_announced_ += bytes.size();
  if (not_announced_ >= kWritebackBytes) {
    file_.start_writeback();
    not_announced_ = 0;
  }
  return {};
}

bool MergedTensorFile::complete(const std::string& name) const {
  const auto found = regions_.find(name);
  return found != regions_.end() && found->second.written == found->second.size;
}

Status MergedTensorFile::advance_hash() {
  std::vector<std::byte> block;
  for (const auto& [name, region] : regions_) {
    const std::uint64_t end = region.begin + region.written;
    while (hashed_ < end) {
      block.resize(static_cast<std::size_t>(std::min(kReadBackBytes, end - hashed_)));
      TRINITY_CHECK(file_.read_at(hashed_, block));
      hash_.update(block);
      hashed_ += block.size();
    }
    if (region.written != region.size) return {};
  }
  return {};
}

Result<std::string> MergedTensorFile::finish() {
  for (const auto& [name, region] : regions_)
    if (region.written != region.size) return wrong_size("the merged file");
  TRINITY_CHECK(advance_hash());
  TRINITY_CHECK(file_.commit());
  return hash_.hex();
}

}  // namespace trinity::bundle
