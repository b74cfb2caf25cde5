// A Hugging Face folder as the source of a model.
#include "base/file.h"
#include "base/try.h"
#include "model/checkpoint_source.h"
#include "router/model_files.h"
#include "tensor/checkpoint.h"

namespace trinity {
namespace {

class ModelFolder final : public ModelFiles {
 public:
  ModelFolder(std::filesystem::path folder, Checkpoint checkpoint)
      : folder_(std::move(folder)), checkpoint_(std::move(checkpoint)), source_(checkpoint_) {}

  Result<ModelConfig> config() const override { return load_model_config(folder_); }
  Result<Tokenizer> tokenizer() const override {
    return Tokenizer::load(folder_ / "tokenizer.json");
  }
  const TensorSource& tensors() const override { return source_; }
  Result<Head> head() const override { return Head::load(folder_ / "router_head.safetensors"); }
  bool is_tiny_router() const override { return false; }

 private:
  std::filesystem::path folder_;
  Checkpoint checkpoint_;
  CheckpointSource source_;
};

}  // namespace

Result<std::unique_ptr<ModelFiles>> open_model_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    return fail(ErrorKind::missing, "missing_file",
                "there is no model folder at " + folder.string() +
                    "; give --model a folder with config.json, tokenizer.json and *.safetensors");
  TRINITY_TRY(Checkpoint checkpoint, Checkpoint::open(folder));
  return std::make_unique<ModelFolder>(folder, std::move(checkpoint));
}

}  // namespace trinity
