// Where a model's files come from: a Hugging Face folder, or the tiny router inside this program.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/weights.h"
#include "route/head.h"
#include "tensor/checkpoint.h"
#include "text/tokenizer.h"

namespace trinity::router {

/// Opened, not yet prepared. Tensors stay on disk (or in the program) until they are asked for.
class ModelFiles {
 public:
  virtual ~ModelFiles() = default;
  virtual Result<model::ModelConfig> config() const = 0;
  /// Error `missing_tokenizer` when there is none; token ids can be read all the same.
  virtual Result<text::Tokenizer> tokenizer() const = 0;
  virtual const model::TensorSource& tensors() const = 0;
  /// The files behind the tensors; null for the embedded router, which cannot be adapted.
  virtual const Checkpoint* checkpoint() const { return nullptr; }
  /// The head that lies beside the model. Error `missing_file` when there is none.
  virtual Result<route::Head> head() const = 0;
  virtual bool is_tiny_router() const = 0;
  /// What people should know about the choice of files.
  virtual std::vector<std::string> notes() const { return {}; }
};

/// Opens a folder with config.json, tokenizer.json and *.safetensors. `tokenizer` names another
/// tokenizer.json; see router/tokenizer_search.h for where one is looked for otherwise. Errors:
/// those of Checkpoint::open.
Result<std::unique_ptr<ModelFiles>> open_model_folder(const std::filesystem::path& folder,
                                                      const std::filesystem::path& tokenizer = {});

/// The embedded tiny router. Error `missing_tiny_router` in a build without models/tiny.
Result<std::unique_ptr<ModelFiles>> open_tiny_router();

}  // namespace trinity::router
