#include <algorithm>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "tensor/safetensors.h"

namespace trinity {

namespace {

Status check_name(const std::string& name) {
  if (name.empty() || name == "__metadata__" || !is_valid_utf8(name)) {
    return fail(ErrorKind::invalid_input, "invalid_tensor_name",
                "a tensor name is empty, reserved or not valid UTF-8; choose another name");
  }
  return {};
}

Status check_size(const NamedTensor& tensor) {
  const auto bytes = byte_count(tensor.view.dtype, tensor.view.shape);
  if (!bytes) return fail_in("tensor " + excerpt(tensor.name), bytes.error());
  if (static_cast<std::uint64_t>(*bytes) != tensor.view.bytes.size()) {
    return fail(ErrorKind::invalid_input, "tensor_size_mismatch",
                "the tensor " + excerpt(tensor.name) + " of shape " +
                    shape_text(tensor.view.shape) + " takes " + std::to_string(*bytes) +
                    " bytes, but " + std::to_string(tensor.view.bytes.size()) + " are given");
  }
  return {};
}

bool by_name(const NamedTensor& a, const NamedTensor& b) { return a.name < b.name; }

}  // namespace

Result<std::string> safetensors_header(std::span<const TensorDeclaration> tensors) {
  std::string json = "{";
  std::uint64_t offset = 0;
  const TensorDeclaration* previous = nullptr;
  for (const TensorDeclaration& tensor : tensors) {
    if (auto status = check_name(tensor.name); !status) return tl::unexpected(status.error());
    if (previous != nullptr && !(previous->name < tensor.name)) {
      return fail(
          ErrorKind::invalid_input, "duplicate_tensor",
          "the tensor " + excerpt(tensor.name) + " is given twice, or the names are not sorted");
    }
    const auto bytes = byte_count(tensor.dtype, tensor.shape);
    if (!bytes) return fail_in("tensor " + excerpt(tensor.name), bytes.error());
    const std::uint64_t end = offset + static_cast<std::uint64_t>(*bytes);
    json += previous != nullptr ? "," : "";
    append_json_string(json, tensor.name);
    json += ":{\"dtype\":\"";
    json += dtype_name(tensor.dtype);
    json += "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      if (i > 0) json += ',';
      json += std::to_string(tensor.shape[i]);
    }
    json += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(end) + "]}";
    offset = end;
    previous = &tensor;
  }
  json += "}";
  std::string header;
  for (int byte = 0; byte < 8; ++byte) {
    header += static_cast<char>(static_cast<std::uint64_t>(json.size()) >> (8 * byte));
  }
  return header + json;
}

Result<std::string> safetensors_header(std::span<const NamedTensor> tensors) {
  std::vector<TensorDeclaration> declarations;
  for (const NamedTensor& tensor : tensors) {
    if (auto status = check_name(tensor.name); !status) return tl::unexpected(status.error());
    if (auto status = check_size(tensor); !status) return tl::unexpected(status.error());
    declarations.push_back({tensor.name, tensor.view.dtype, tensor.view.shape});
  }
  return safetensors_header(declarations);
}

Status write_safetensors(const std::filesystem::path& path, std::vector<NamedTensor> tensors,
                         Replace replace) {
  std::sort(tensors.begin(), tensors.end(), by_name);
  const auto header = safetensors_header(std::span<const NamedTensor>(tensors));
  if (!header) return tl::unexpected(header.error());
  auto file = AtomicFile::create(path, replace);
  if (!file) return tl::unexpected(file.error());
  if (auto status = file->write(std::string_view(*header)); !status) return status;
  for (const NamedTensor& tensor : tensors) {
    if (auto status = file->write(tensor.view.bytes); !status) return status;
  }
  return file->commit();
}

}  // namespace trinity
