#include "model/config.h"

#include <fmt/format.h>

#include <cmath>

#include "base/foreign_file.h"
#include "base/json.h"
#include "base/try.h"
#include "model/config_json.h"
#include "model/rope_config.h"
#include "tensor/model_folder.h"

namespace trinity::model {
namespace {

constexpr size_t kMaxConfigBytes = 16 << 20;
constexpr int64_t kMaxLayers = 10'000;  // far above any model; each costs memory before it is read

/// Windows of attention are not computed. Whether a file has any is decided as Qwen3Config does: by
/// `layer_types`, and without them by a window that is switched on for the layers from
/// `max_window_layers` on.
Status refuse_windows(const Json& config, int64_t layers) {
  const Json types = config_value(config, "layer_types");
  if (!types.is_null()) {
    if (!types.is_array()) return invalid_config("layer_types", shown_config(types), "a list");
    for (const Json& type : types)
      if (type != "full_attention")
        return unsupported_config("layer_types", type, "\"full_attention\" for every layer");
    if (static_cast<int64_t>(types.size()) != layers)
      return fail(ErrorKind::invalid_input, "invalid_config",
                  fmt::format("config.json lists {} layer_types, but sets num_hidden_layers to {}; "
                              "correct the one that is wrong",
                              types.size(), layers));
    return {};
  }
  TRINITY_TRY(const bool used, config_switch("use_sliding_window",
                                             config_value(config, "use_sliding_window"), false));
  const bool no_window = config.contains("sliding_window") && config["sliding_window"].is_null();
  if (!used || no_window) return {};
  int64_t first = 28;
  if (config.contains("max_window_layers")) {
    const Json& value = config["max_window_layers"];
    if (!value.is_number_integer())
      return invalid_config("max_window_layers", shown_config(value), "a whole number");
    first = value.as_int64();
  }
  if (first >= layers) return {};
  return unsupported_config("use_sliding_window", true, "false");
}

/// Refuses every setting that would change the arithmetic and is not implemented.
Status refuse_unsupported(const Json& config) {
  const Json model_type = config_value(config, "model_type");
  if (model_type != "qwen3") return unsupported_config("model_type", model_type, "\"qwen3\"");
  const Json bias = config_value(config, "attention_bias");
  if (!bias.is_null() && bias != false) return unsupported_config("attention_bias", bias, "false");
  // Two names of one function.
  const Json activation = config_value(config, "hidden_act");
  if (!activation.is_null() && activation != "silu" && activation != "swish")
    return unsupported_config("hidden_act", activation, "\"silu\"");
  const Json quantization = config_value(config, "quantization_config");
  if (!quantization.is_null())
    return unsupported_config("quantization_config", quantization, "an unquantised checkpoint");
  return {};
}

Status read_size(const Json& config, const std::string& key, int64_t& out) {
  TRINITY_TRY(out, positive_config_integer(key, config_value(config, key)));
  return {};
}

/// The default of Qwen3Config for a size that the file leaves out.
int64_t assumed(const char* key, int64_t size, ModelConfig& out) {
  out.warnings.push_back(
      fmt::format("config.json names no {}; {} is assumed, as by transformers", key, size));
  return size;
}

Status read_key_value_heads(const Json& config, ModelConfig& out) {
  const char* const key = "num_key_value_heads";
  const Json value = config_value(config, key);
  if (!config.contains(key)) {
    out.num_key_value_heads = assumed(key, 32, out);
  } else if (value.is_null()) {
    out.num_key_value_heads = out.num_attention_heads;  // no sharing
  } else {
    TRINITY_CHECK(read_size(config, key, out.num_key_value_heads));
  }
  if (out.num_attention_heads % out.num_key_value_heads == 0) return {};
  return invalid_config(key, value.is_null() ? "nothing, which means 32" : shown_config(value),
                        "a divisor of num_attention_heads");
}

Status read_sizes(const Json& config, ModelConfig& out) {
  TRINITY_CHECK(read_size(config, "hidden_size", out.hidden_size));
  TRINITY_CHECK(read_size(config, "intermediate_size", out.intermediate_size));
  TRINITY_CHECK(read_size(config, "num_hidden_layers", out.num_hidden_layers));
  if (out.num_hidden_layers > kMaxLayers)
    return invalid_config("num_hidden_layers", std::to_string(out.num_hidden_layers),
                          fmt::format("at most {}", kMaxLayers));
  TRINITY_CHECK(read_size(config, "num_attention_heads", out.num_attention_heads));
  TRINITY_CHECK(read_size(config, "vocab_size", out.vocab_size));
  TRINITY_CHECK(read_key_value_heads(config, out));
  if (config.contains("max_position_embeddings")) {
    TRINITY_CHECK(read_size(config, "max_position_embeddings", out.max_position_embeddings));
  } else {
    out.max_position_embeddings = assumed("max_position_embeddings", 32768, out);
  }
  if (config_value(config, "head_dim").is_null()) {
    out.head_dim = assumed("head_dim", 128, out);
  } else {
    TRINITY_CHECK(read_size(config, "head_dim", out.head_dim));
  }
  if (out.head_dim % 2 != 0)
    return invalid_config("head_dim", std::to_string(out.head_dim), "even, for rotary positions");
  if (out.num_attention_heads > kMaxConfigSize / out.head_dim)
    return invalid_config("num_attention_heads", std::to_string(out.num_attention_heads),
                          "small enough that heads · head_dim stays below 2^31");
  return {};
}

Status read_eps(const Json& config, ModelConfig& out) {
  double eps = 1e-6;
  if (config.contains("rms_norm_eps")) {
    TRINITY_TRY(eps, positive_config_number("rms_norm_eps", config["rms_norm_eps"]));
  } else {
    out.warnings.emplace_back(
        "config.json names no rms_norm_eps; 1e-06 is assumed, as by transformers");
  }
  out.rms_norm_eps = static_cast<float>(eps);
  if (!(out.rms_norm_eps > 0) || !std::isfinite(out.rms_norm_eps))
    return invalid_config("rms_norm_eps", fmt::format("{}", eps), "between 1e-38 and 1e38");
  return {};
}

/// config.json of a model folder; where there is none, what is there instead.
Result<std::string> read_config_text(const std::filesystem::path& folder) {
  auto text = read_json_file(folder / "config.json", kMaxConfigBytes);
  if (!text && text.error().tag == "missing_file") TRINITY_CHECK(require_model_folder(folder));
  return text;
}

}  // namespace

Result<ModelConfig> parse_model_config(std::string_view text) {
  TRINITY_TRY(const Json config, parse_json(text));
  if (!config.is_object())
    return fail(ErrorKind::invalid_input, "invalid_config", "config.json must hold an object");
  TRINITY_CHECK(refuse_unsupported(config));
  ModelConfig out;
  TRINITY_CHECK(read_sizes(config, out));
  TRINITY_CHECK(refuse_windows(config, out.num_hidden_layers));
  TRINITY_CHECK(read_rope(config, out));
  TRINITY_CHECK(read_eps(config, out));
  TRINITY_TRY(
      out.tie_word_embeddings,
      config_switch("tie_word_embeddings", config_value(config, "tie_word_embeddings"), false));
  return out;
}

Result<ModelConfig> load_model_config(const std::filesystem::path& folder) {
  TRINITY_TRY(const std::string text, read_config_text(folder));
  auto config = parse_model_config(text);
  if (!config) return fail_in((folder / "config.json").string(), std::move(config.error()));
  return config;
}

}  // namespace trinity::model
