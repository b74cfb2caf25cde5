#include "route/head_file.h"

#include <algorithm>

#include "base/try.h"
#include "route/head.h"
#include "tensor/safetensors.h"

namespace trinity::route {

Status write_head_file(const std::filesystem::path& path, const HeadMatrix& head) {
  return write_safetensors(
      path, {{Head::kTensorName,
              {DType::f32, {head.outputs, head.hidden}, std::as_bytes(head.weights)}}});
}

Result<bool> head_file_holds(const std::filesystem::path& path, const HeadMatrix& head) {
  TRINITY_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  const auto view = file.tensor(Head::kTensorName);
  const auto expected = std::as_bytes(head.weights);
  return view && view->dtype == DType::f32 &&
         view->shape == std::vector<std::int64_t>{head.outputs, head.hidden} &&
         std::equal(view->bytes.begin(), view->bytes.end(), expected.begin(), expected.end());
}

}  // namespace trinity::route
