#include "tensor/lora.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/foreign_file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/try.h"
#include "base/utf8.h"
#include "tensor/model_folder.h"
#include "tensor/tensor_names.h"

namespace trinity {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
constexpr std::int64_t kMaxRank = std::int64_t{1} << 16;
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kEndA = ".lora_A.weight";
constexpr std::string_view kEndB = ".lora_B.weight";

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_adapter",
              what + "; get an undamaged copy of the adapter");
}

tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorKind::unsupported, "unsupported_adapter",
              what +
                  ", which is not implemented; merge the adapter into its base model with peft "
                  "(merge_and_unload) and give that folder, or move the adapter's files away");
}

/// Null, false, "", [] and {}: a setting that says nothing.
bool says_nothing(const Json& value) {
  return value.is_null() || value == false || (value.is_string() && value.as_string().empty()) ||
         ((value.is_array() || value.is_object()) && value.empty());
}

/// Settings that change the arithmetic, each refused unless it says nothing.
constexpr const char* kRefused[] = {"use_rslora",
                                    "use_dora",
                                    "use_qalora",
                                    "lora_bias",
                                    "fan_in_fan_out",
                                    "rank_pattern",
                                    "alpha_pattern",
                                    "modules_to_save",
                                    "layer_replication",
                                    "corda_config",
                                    "target_parameters",
                                    "trainable_token_indices",
                                    "alora_invocation_tokens",
                                    "arrow_config",
                                    "use_bdlora",
                                    "kasa_config"};

/// Initialisations of A and B that leave the base weights alone.
constexpr const char* kPlainStarts[] = {"gaussian", "orthogonal", "eva", "true", "false"};

Status refuse_variants(const Json& config) {
  const auto shown = [](const Json& value) { return excerpt(json_text(value), 60); };
  const Json& type = config["peft_type"];
  if (!type.is_null() && type != "LORA")
    return unsupported("the adapter is of type " + shown(type) + " and not LORA");
  for (const char* key : kRefused)
    if (const Json& value = config[key]; !says_nothing(value))
      return unsupported(std::string("the adapter sets ") + key + " to " + shown(value));
  // A switch that came after this list was written.
  for (const auto& [key, value] : config.items())
    if (key.starts_with("use_") && value == true)
      return unsupported("the adapter sets " + excerpt(key, 60) + " to true");
  if (const Json& bias = config["bias"]; !bias.is_null() && bias != "none")
    return unsupported("the adapter sets bias to " + shown(bias));
  const Json& start = config["init_lora_weights"];
  const std::string name = start.is_string() ? start.as_string() : std::string("true");
  if (std::find(std::begin(kPlainStarts), std::end(kPlainStarts), name) == std::end(kPlainStarts))
    return unsupported("the adapter sets init_lora_weights to " + shown(start) +
                       ", which changes the base weights too");
  return {};
}

bool ends_with_any(std::string_view name, std::string_view a, std::string_view b) {
  return name.ends_with(a) || name.ends_with(b);
}

/// Rows that one thread merges at a time.
constexpr std::size_t kMergeRows = 64;

/// w[i] + scale · Σₖ b[k] · a[k][i] for one row, the sum in the order of k; `sums` is its memory.
void merge_row(std::span<const float> b, std::span<const double> a, double scale,
               std::span<double> sums, std::span<float> w) {
  const std::size_t columns = w.size();
  std::fill(sums.begin(), sums.end(), 0.0);
  for (std::size_t k = 0; k < b.size(); ++k) {
    const double factor = b[k];
    const double* from = a.data() + k * columns;
    for (std::size_t i = 0; i < columns; ++i) sums[i] += factor * from[i];
  }
  for (std::size_t i = 0; i < columns; ++i)
    w[i] = static_cast<float>(double{w[i]} + scale * sums[i]);
}

std::string_view module_of(std::string_view stored) {
  std::string_view module = stored.substr(0, stored.size() - kEndA.size());
  if (module.starts_with(kPrefix)) module.remove_prefix(kPrefix.size());
  return module;
}

/// The matrix that a tensor of the adapter belongs to.
std::string target_of(std::string_view stored) {
  return canonical_tensor_name(std::string(module_of(stored)) + ".weight");
}

/// Whether peft would adapt this module: its name, or the end of it, is in the list.
bool is_targeted(std::string_view module, const std::vector<std::string>& targets) {
  return targets.empty() || std::any_of(targets.begin(), targets.end(), [&](const auto& target) {
           return module == target || module.ends_with("." + target);
         });
}

}  // namespace

Result<LoraConfig> parse_lora_config(std::string_view text) {
  TRINITY_TRY(const Json config, parse_json(text));
  if (!config.is_object()) return invalid("it holds no JSON object");
  if (!config.contains("peft_type") && config.contains("lora_parameters"))
    return unsupported("the adapter is one of MLX");
  TRINITY_CHECK(refuse_variants(config));
  const auto rank = config["r"].to_int64();
  if (!rank || *rank < 1 || *rank > kMaxRank)
    return invalid("it names no rank r between 1 and 65536");
  const auto alpha = config["lora_alpha"].to_double();
  if (!alpha || !std::isfinite(*alpha)) return invalid("it names no number lora_alpha");
  LoraConfig out;
  out.rank = *rank;
  out.scale = *alpha / static_cast<double>(*rank);
  out.base_model = config["base_model_name_or_path"].as_string();
  for (const Json& module : config["target_modules"])  // a text is a pattern, or all-linear
    if (module.is_string()) out.target_modules.push_back(module.as_string());
  return out;
}

Result<LoraAdapter> LoraAdapter::open(const std::filesystem::path& folder) {
  const auto config_path = folder / kAdapterConfigFile;
  TRINITY_TRY(const std::string text, read_json_file(config_path, kMaxConfigBytes));
  auto config = parse_lora_config(text);
  if (!config) return fail_in(config_path.string(), std::move(config.error()));
  const auto weights = folder / kAdapterWeightsFile;
  std::error_code ignored;
  if (!std::filesystem::exists(weights, ignored)) {
    const bool pickle = std::filesystem::exists(folder / "adapter_model.bin", ignored);
    return fail(ErrorKind::missing, "missing_file",
                folder.string() + " holds " + kAdapterConfigFile + " but no " +
                    kAdapterWeightsFile +
                    (pickle ? " (adapter_model.bin is a Python pickle; save the adapter as "
                              "safetensors)"
                            : "; put the adapter's weights beside it, or move " +
                                  std::string(kAdapterConfigFile) + " away"));
  }
  TRINITY_TRY(SafetensorsFile file, SafetensorsFile::open(weights));
  LoraAdapter adapter(std::move(*config), std::move(file));
  if (Status collected = adapter.collect(); !collected)
    return fail_in(weights.string(), std::move(collected.error()));
  return adapter;
}

Status LoraAdapter::collect() {
  for (const TensorInfo& tensor : file_.tensors()) {
    if (!ends_with_any(tensor.name, kEndA, kEndB))
      return unsupported("the tensor " + excerpt(tensor.name) + " is no part of a plain LoRA");
    if (!is_targeted(module_of(tensor.name), config_.target_modules))
      return invalid("the tensor " + excerpt(tensor.name) + " belongs to none of the " +
                     "target_modules of " + kAdapterConfigFile + ": peft would not use it");
    const bool is_a = tensor.name.ends_with(kEndA);
    Parts& parts = parts_[target_of(tensor.name)];
    std::string& part = is_a ? parts.a : parts.b;
    if (!part.empty())
      return invalid("the tensors " + excerpt(part) + " and " + excerpt(tensor.name) +
                     " change the same matrix");
    part = tensor.name;
    if (tensor.shape.size() != 2 || tensor.shape[is_a ? 0 : 1] != config_.rank)
      return invalid("the tensor " + excerpt(tensor.name) + " of shape " +
                     shape_text(tensor.shape) + " does not have the rank " +
                     std::to_string(config_.rank) + " of " + kAdapterConfigFile);
  }
  if (parts_.empty()) return invalid("it holds no tensors");
  for (const auto& [name, parts] : parts_)
    if (parts.a.empty() || parts.b.empty())
      return invalid("the matrix " + excerpt(name) + " has only one of lora_A and lora_B");
  return {};
}

std::vector<std::string> LoraAdapter::targets() const {
  std::vector<std::string> names;
  for (const auto& [name, parts] : parts_) names.push_back(name);
  return names;
}

Result<std::vector<float>> LoraAdapter::merged(std::string_view name,
                                               const TensorView& base) const {
  const Parts& parts = parts_.find(name)->second;
  TRINITY_TRY(const TensorView a_view, file_.tensor(parts.a));
  TRINITY_TRY(const TensorView b_view, file_.tensor(parts.b));
  if (base.shape != std::vector<std::int64_t>{b_view.shape[0], a_view.shape[1]})
    return invalid("the adapter changes " + excerpt(name) + " by a matrix of shape " +
                   shape_text(std::vector<std::int64_t>{b_view.shape[0], a_view.shape[1]}) +
                   ", but the base model has " + shape_text(base.shape) +
                   ": it belongs to another model");
  TRINITY_TRY(const std::vector<float> a_narrow, to_f32(a_view));
  TRINITY_TRY(const std::vector<float> b, to_f32(b_view));
  TRINITY_TRY(std::vector<float> out, to_f32(base));
  const std::vector<double> a(a_narrow.begin(), a_narrow.end());
  const auto rank = static_cast<std::size_t>(config_.rank);
  const auto columns = static_cast<std::size_t>(base.shape[1]);
  const std::size_t rows = static_cast<std::size_t>(base.shape[0]);
  parallel_for((rows + kMergeRows - 1) / kMergeRows, [&](std::size_t piece) {
    const std::size_t end = std::min(rows, (piece + 1) * kMergeRows);
    std::vector<double> sums(columns);
    for (std::size_t o = piece * kMergeRows; o < end; ++o)
      merge_row(std::span(b).subspan(o * rank, rank), a, config_.scale, sums,
                std::span(out).subspan(o * columns, columns));
  });
  return out;
}

}  // namespace trinity
