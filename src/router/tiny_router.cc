// The tiny router compiled into the program: the files of models/tiny as bytes in its read-only
// data.
#include <cstring>
#include <map>

#include "base/try.h"
#include "router/embedded_files.h"
#include "router/model_files.h"
#include "tensor/safetensors_header.h"

namespace trinity::router {
namespace {

Result<std::string_view> embedded(std::string_view name) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.name == name) return file.bytes;
  return fail(ErrorKind::missing, "missing_tiny_router",
              "this build holds no tiny router; give --model a folder, or build with models/tiny");
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Tensors of a safetensors file in memory that lives as long as the program.
class EmbeddedTensors final : public model::TensorSource {
 public:
  static Result<EmbeddedTensors> open(std::string_view file) {
    EmbeddedTensors out;
    out.file_ = bytes_of(file);
    TRINITY_TRY(out.header_, parse_safetensors_header(out.file_));
    return out;
  }

  Result<TensorView> tensor(const std::string& name) const override {
    for (const TensorInfo& info : header_.tensors) {
      if (info.name != name) continue;
      if (!info.dtype)
        return fail(ErrorKind::unsupported, "unknown_dtype", name + " has an unknown dtype");
      return TensorView{*info.dtype, info.shape, file_.subspan(info.offset, info.size)};
    }
    return fail(ErrorKind::invalid_input, "missing_tensor", "the tiny router lacks " + name);
  }

 private:
  std::span<const std::byte> file_;
  SafetensorsHeader header_;
};

class TinyRouter final : public ModelFiles {
 public:
  explicit TinyRouter(EmbeddedTensors tensors) : tensors_(std::move(tensors)) {}

  Result<model::ModelConfig> config() const override {
    TRINITY_TRY(const std::string_view text, embedded("config.json"));
    return model::parse_model_config(text);
  }
  Result<text::Tokenizer> tokenizer() const override {
    TRINITY_TRY(const std::string_view text, embedded("tokenizer.json"));
    return text::Tokenizer::parse(text);
  }
  const model::TensorSource& tensors() const override { return tensors_; }
  Result<route::Head> head() const override {
    TRINITY_TRY(const std::string_view file, embedded("router_head.safetensors"));
    TRINITY_TRY(const EmbeddedTensors tensors, EmbeddedTensors::open(file));
    TRINITY_TRY(const TensorView weights, tensors.tensor(route::Head::kTensorName));
    return route::Head::from_tensor(weights);
  }
  bool is_tiny_router() const override { return true; }

 private:
  EmbeddedTensors tensors_;
};

}  // namespace

Result<std::unique_ptr<ModelFiles>> open_tiny_router() {
  TRINITY_TRY(const std::string_view file, embedded("model.safetensors"));
  TRINITY_TRY(EmbeddedTensors tensors, EmbeddedTensors::open(file));
  return std::make_unique<TinyRouter>(std::move(tensors));
}

}  // namespace trinity::router
