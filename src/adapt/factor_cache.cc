#include "adapt/factor_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "tensor/safetensors.h"

namespace trinity::adapt {
namespace {

/// Raised whenever the arithmetic behind a factor changes.
constexpr int kFormat = 1;

std::filesystem::path factor_file(const std::filesystem::path& folder, const std::string& key) {
  return folder / (key + ".safetensors");
}
std::filesystem::path hash_file(const std::filesystem::path& folder, const std::string& key) {
  return folder / (key + ".sha256");
}

}  // namespace

Result<std::string> factor_cache_key(const model::TensorSource& base, const Selection& selection,
                                     std::span<const float> offsets,
                                     const AdaptationOptions& options,
                                     const std::string& algebra_label) {
  Sha256 hash;
  hash.update(fmt::format("factors {} {} {} {} tied {}\n", kFormat, tie_mode_name(options.tie_mode),
                          svd_compute_type_name(options.compute_type), algebra_label,
                          selection.tied));
  hash.update(std::as_bytes(offsets));
  std::set<std::string> seen;
  for (const SelectedTensor& tensor : selection.tensors) {
    hash.update(fmt::format("\n{} {} {}\n", tensor.path, dtype_name(tensor.dtype),
                            shape_text(tensor.source_shape)));
    if (tensor.source_name == kLmHeadName || !seen.insert(tensor.stored_name).second) continue;
    TRINITY_TRY(const TensorView view, base_matrix(base, tensor));
    hash.update(view.bytes);
  }
  return hash.hex();
}

std::optional<std::vector<CachedFactor>> load_cached_factors(const std::filesystem::path& folder,
                                                             const std::string& key) {
  const auto expected = read_text_file(hash_file(folder, key), 128);
  const auto actual = sha256_file(factor_file(folder, key));
  if (!expected || !actual || *expected != *actual) return std::nullopt;
  const auto file = SafetensorsFile::open(factor_file(folder, key));
  if (!file) return std::nullopt;
  std::vector<CachedFactor> factors;
  for (const TensorInfo& info : file->tensors()) {
    const auto view = file->tensor(info.name);
    if (!view || view->dtype != DType::f32) return std::nullopt;
    auto values = to_f32(*view);
    if (!values) return std::nullopt;
    factors.push_back({info.name, std::move(*values)});
  }
  return factors;
}

Status store_cached_factors(const std::filesystem::path& folder, const std::string& key,
                            std::span<const CachedFactor> factors) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(
        ErrorKind::failed, "unwritable_file",
        fmt::format("the folder {} cannot be created ({})", folder.string(), error.message()));
  std::vector<NamedTensor> tensors;
  for (const CachedFactor& factor : factors) {
    const auto k =
        static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(factor.values.size()))));
    tensors.push_back({factor.path, {DType::f32, {k, k}, std::as_bytes(std::span(factor.values))}});
  }
  TRINITY_CHECK(write_safetensors(factor_file(folder, key), std::move(tensors)));
  TRINITY_TRY(const std::string hash, sha256_file(factor_file(folder, key)));
  return write_file_atomic(hash_file(folder, key), hash);
}

}  // namespace trinity::adapt
