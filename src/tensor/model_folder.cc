#include "tensor/model_folder.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <system_error>

#include "base/foreign_file.h"
#include "base/utf8.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownPath = 1024;

std::string shown(const fs::path& path) { return excerpt(path.string(), kShownPath); }

tl::unexpected<Error> unreadable(const fs::path& path, const std::error_code& error) {
  return fail(ErrorKind::failed, "unreadable_file",
              "the model folder " + shown(path) + " cannot be read (" + error.message() +
                  "); check its permissions");
}

/// OWNER/NAME, as hubs call their models.
bool is_hub_name(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == text.size()) return false;
  if (text.find('/', slash + 1) != std::string::npos) return false;
  if (text.front() == '.' || text[slash + 1] == '.') return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  });
}

tl::unexpected<Error> absent(const fs::path& folder) {
  const std::string name = folder.string();
  std::string advice = "; give --model a folder with config.json, tokenizer.json and *.safetensors";
  if (is_hub_name(name)) {
    const std::string base = name.substr(name.find('/') + 1);
    advice = "; if that is a model's name on a hub, fetch it first: trinity pull " + name +
             "@main --repo-type model --dest " + base + ", then --model " + base;
  }
  return fail(ErrorKind::missing, "missing_file",
              "there is no model folder at " + shown(folder) + advice);
}

tl::unexpected<Error> a_file(const fs::path& path) {
  std::string what = "is a file, not a model's folder";
  std::string advice = "give the folder that holds config.json, tokenizer.json and *.safetensors";
  if (path.extension() == ".safetensors") {
    const std::string parent = path.has_parent_path() ? shown(path.parent_path()) : ".";
    advice = "give the folder that it lies in: " + parent;
  } else if (auto format = foreign_format(beginning_of(path))) {
    what = *format;
  }
  return fail(ErrorKind::missing, "not_a_model_folder", shown(path) + " " + what + "; " + advice);
}

struct Listing {
  std::set<std::string> names;

  bool has(const std::string& name) const { return names.contains(name); }
  /// The first name with this ending; empty when there is none.
  std::string ending(std::string_view suffix) const {
    for (const std::string& name : names)
      if (name.ends_with(suffix)) return name;
    return {};
  }
  bool has_weights() const {
    return has(kWeightIndexFile) || std::any_of(names.begin(), names.end(), [](const auto& name) {
             return is_weight_file_name(name) && name != kRouterHeadFile;
           });
  }
};

/// What stands in the place of safetensors files.
std::string other_weights(const Listing& files) {
  struct Format {
    std::string_view suffix;
    const char* meaning;
  };
  constexpr Format formats[] = {
      {".gguf", "a GGUF file of llama.cpp; get the original model as safetensors"},
      {".bin", "weights as a Python pickle; save the model as safetensors (save_pretrained)"},
      {".pt", "weights as a Python pickle; save the model as safetensors (save_pretrained)"},
      {".pth", "weights as a Python pickle; save the model as safetensors (save_pretrained)"},
      {".ckpt", "weights as a Python pickle; save the model as safetensors (save_pretrained)"},
      {".npz", "weights as NumPy arrays; save the model as safetensors"},
      {".h5", "weights as HDF5; save the model as safetensors"},
      {".msgpack", "weights of Flax; save the model as safetensors"},
      {".onnx", "a model as ONNX; get the original model as safetensors"}};
  for (const Format& format : formats) {
    const std::string name = files.ending(format.suffix);
    if (!name.empty()) return excerpt(name) + " is " + format.meaning;
  }
  return {};
}

tl::unexpected<Error> no_weights(const fs::path& folder, const Listing& files) {
  const auto is = [&](const char* tag, const std::string& rest) {
    return fail(ErrorKind::missing, tag, shown(folder) + " " + rest);
  };
  if (files.has(kAdapterConfigFile))
    return is("adapter_without_base",
              "holds a LoRA adapter without its base model; put the base model's config.json, "
              "tokenizer.json and *.safetensors beside it, or merge the two (merge_and_unload) and "
              "give that folder");
  if (files.has("snapshots") && files.has("blobs"))
    return is("not_a_model_folder",
              "is a model's folder in the cache of a hub; give the folder below its snapshots/");
  const std::string other = other_weights(files);
  return is("missing_weights", "holds no weights as safetensors" +
                                   (other.empty() ? "; give a folder with config.json, "
                                                    "tokenizer.json and *.safetensors"
                                                  : ": " + other));
}

}  // namespace

bool is_weight_file_name(std::string_view name) {
  return name.ends_with(".safetensors") && name != kAdapterWeightsFile && name != kMlxAdapterFile;
}

Status require_model_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) return absent(folder);
  if (status.type() == fs::file_type::none) return unreadable(folder, error);
  if (status.type() != fs::file_type::directory) return a_file(folder);
  Listing files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    files.names.insert(entry->path().filename().string());
  if (error) return unreadable(folder, error);
  if (!files.has("config.json") && files.has("manifest.json"))
    return fail(ErrorKind::missing, "not_a_model_folder",
                shown(folder) +
                    " is an adapted bundle, not a model; give it as --bundle, and its base model "
                    "as --model");
  if (!files.has_weights()) return no_weights(folder, files);
  return {};
}

}  // namespace trinity
