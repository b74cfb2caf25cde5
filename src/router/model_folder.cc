// A Hugging Face folder as the source of a model.
#include "tensor/model_folder.h"

#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "model/checkpoint_source.h"
#include "model/unread_tensors.h"
#include "router/model_files.h"
#include "router/tokenizer_search.h"
#include "tensor/checkpoint.h"

namespace trinity::router {
namespace {

class ModelFolder final : public ModelFiles {
 public:
  ModelFolder(std::filesystem::path folder, std::filesystem::path tokenizer, Checkpoint checkpoint)
      : folder_(std::move(folder)),
        tokenizer_(std::move(tokenizer)),
        checkpoint_(std::move(checkpoint)),
        source_(checkpoint_) {}

  Result<model::ModelConfig> config() const override { return model::load_model_config(folder_); }

  Result<text::Tokenizer> tokenizer() const override {
    if (!tokenizer_.empty()) return text::Tokenizer::load(tokenizer_);
    TRINITY_TRY(const model::ModelConfig model, config());
    const std::filesystem::path vocabulary = own_vocabulary(folder_);
    for (const auto& file : tokenizer_candidates(folder_)) {
      const bool own = file == folder_ / "tokenizer.json";
      if (!own && !vocabulary.empty()) break;
      auto tokenizer = text::Tokenizer::load(file);
      if (own) return tokenizer;
      // A shared vocabulary belongs to this model only if the model knows all of its ids.
      if (!tokenizer || tokenizer->vocab_size() > model.vocab_size) continue;
      tokenizer->add_note("the model folder has no tokenizer.json; using " +
                          excerpt(file.string(), 1024) + ", --tokenizer names another");
      return tokenizer;
    }
    if (!vocabulary.empty())
      return fail(ErrorKind::missing, "missing_tokenizer",
                  "there is no tokenizer.json in " + excerpt(folder_.string(), 1024) +
                      ", but a vocabulary of its own (" + vocabulary.filename().string() +
                      "); make one with AutoTokenizer.from_pretrained(FOLDER)."
                      "save_pretrained(FOLDER) of the Python package transformers, or name one "
                      "with --tokenizer");
    return fail(ErrorKind::missing, "missing_tokenizer",
                "there is no tokenizer.json in " + excerpt(folder_.string(), 1024) +
                    "; copy the model's own there, or name one with --tokenizer");
  }
  const model::TensorSource& tensors() const override { return source_; }
  const Checkpoint* checkpoint() const override { return &checkpoint_; }
  Result<route::Head> head() const override { return route::Head::load(folder_ / kRouterHeadFile); }
  bool is_tiny_router() const override { return false; }
  std::vector<std::string> notes() const override {
    std::vector<std::string> notes = checkpoint_.notes();
    const Result<model::ModelConfig> model = config();  // who cannot read it is told so elsewhere
    if (!model) return notes;
    for (std::string& note : model::notes_on_unread_tensors(checkpoint_.names(), *model))
      notes.push_back(std::move(note));
    return notes;
  }

 private:
  std::filesystem::path folder_;
  std::filesystem::path tokenizer_;  // chosen by the caller; may be empty
  Checkpoint checkpoint_;
  model::CheckpointSource source_;
};

}  // namespace

Result<std::unique_ptr<ModelFiles>> open_model_folder(const std::filesystem::path& folder,
                                                      const std::filesystem::path& tokenizer) {
  TRINITY_TRY(Checkpoint checkpoint, Checkpoint::open(folder));
  return std::make_unique<ModelFolder>(folder, tokenizer, std::move(checkpoint));
}

}  // namespace trinity::router
