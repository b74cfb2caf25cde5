// Any bytes as a safetensors file: refused, or every tensor lies inside the file and reads whole,
// and the writer gives back a file that means the same.
#include "tensor/safetensors.h"

#include <algorithm>
#include <cstdint>

#include "input.h"

using trinity::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto header = trinity::parse_safetensors_header(file);
  if (!header) {
    trinity::fuzz::require_clear(header.error());
    return 0;
  }
  std::vector<trinity::NamedTensor> tensors;
  bool writable = true;
  for (const trinity::TensorInfo& info : header->tensors) {
    require(info.offset <= size && info.size <= size - info.offset);
    writable = writable && info.dtype && !info.name.empty();
    if (!info.dtype) continue;
    const trinity::TensorView view{*info.dtype, info.shape, file.subspan(info.offset, info.size)};
    const auto values = trinity::to_f32(view);
    require(values || values.error().tag == "unsupported_dtype");
    if (values) {
      const bool finite = trinity::require_finite(view, info.name).has_value();
      require(finite == std::all_of(values->begin(), values->end(),
                                    [](float value) { return value - value == 0.0f; }));
    }
    if (const auto slice = trinity::row_slice(view, 0, 1)) {
      require(slice->bytes.size() <= view.bytes.size());
    }
    tensors.push_back({info.name, view});
  }
  if (!writable) return 0;
  auto written = trinity::safetensors_header(tensors).value();
  for (const auto& tensor : tensors) {
    written.append(reinterpret_cast<const char*>(tensor.view.bytes.data()),
                   tensor.view.bytes.size());
  }
  const auto again = trinity::parse_safetensors_header(
      std::as_bytes(std::span<const char>(written.data(), written.size())));
  require(again && again->tensors.size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const trinity::TensorInfo& info = again->tensors[i];
    require(info.name == tensors[i].name && info.shape == tensors[i].view.shape &&
            info.dtype == tensors[i].view.dtype);
  }
  return 0;
}
