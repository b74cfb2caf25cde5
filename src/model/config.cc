#include "model/config.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"

namespace trinity {
namespace {

using nlohmann::json;

constexpr size_t kMaxConfigBytes = 16 << 20;
constexpr int64_t kMaxSize = int64_t{1} << 31;

auto unsupported(const std::string& key, const json& value, const std::string& supported) {
  return fail(ErrorKind::unsupported, "unsupported_config",
              fmt::format("config.json sets {} to {}; supported is {}", key,
                          value.dump(-1, ' ', true).substr(0, 200), supported));
}

auto invalid(const std::string& key, const std::string& value, const std::string& wanted) {
  return fail(ErrorKind::invalid_input, "invalid_config",
              fmt::format("config.json sets {} to {}; it must be {}", key, value, wanted));
}

/// The value of a key, or null when the key is absent.
json value_of(const json& config, const std::string& key) {
  const auto it = config.find(key);
  return it == config.end() ? json() : *it;
}

Result<int64_t> positive_integer(const json& config, const std::string& key) {
  const json value = value_of(config, key);
  if (!value.is_number_integer() || value.get<double>() < 1 ||
      value.get<double>() > static_cast<double>(kMaxSize))
    return invalid(key, value.is_null() ? "nothing" : value.dump(-1, ' ', true).substr(0, 200),
                   "a positive integer up to 2^31");
  return value.get<int64_t>();
}

Result<double> positive_number(const std::string& key, const json& value) {
  if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
    return invalid(key, value.is_null() ? "nothing" : value.dump(-1, ' ', true).substr(0, 200),
                   "a positive number");
  return value.get<double>();
}

Result<bool> boolean(const json& config, const std::string& key, bool absent) {
  const json value = value_of(config, key);
  if (value.is_null()) return absent;
  if (!value.is_boolean())
    return invalid(key, value.dump(-1, ' ', true).substr(0, 200), "true or false");
  return value.get<bool>();
}

/// Refuses every setting that would change the arithmetic and is not implemented.
Status refuse_unsupported(const json& config) {
  const json model_type = value_of(config, "model_type");
  if (model_type != "qwen3") return unsupported("model_type", model_type, "\"qwen3\"");
  const json scaling = value_of(config, "rope_scaling");
  if (!scaling.is_null()) return unsupported("rope_scaling", scaling, "null");
  const json parameters = value_of(config, "rope_parameters");
  if (!parameters.is_null()) {
    if (!parameters.is_object())
      return invalid("rope_parameters", parameters.dump(-1, ' ', true).substr(0, 200), "an object");
    for (const char* key : {"rope_type", "type"}) {
      const json type = value_of(parameters, key);
      if (!type.is_null() && type != "default")
        return unsupported("rope_scaling", parameters, "rope_type \"default\"");
    }
  }
  const json window = value_of(config, "sliding_window");
  const json use_window = value_of(config, "use_sliding_window");
  if (!use_window.is_null() && use_window != false)
    return unsupported("use_sliding_window", use_window, "false");
  if (!window.is_null() && use_window.is_null())
    return unsupported("use_sliding_window", window, "a null sliding_window, or false");
  const json layer_types = value_of(config, "layer_types");
  if (!layer_types.is_null()) {
    if (!layer_types.is_array())
      return invalid("layer_types", layer_types.dump(-1, ' ', true).substr(0, 200), "a list");
    for (const json& type : layer_types)
      if (type != "full_attention")
        return unsupported("use_sliding_window", type, "layer_types of \"full_attention\" only");
  }
  const json bias = value_of(config, "attention_bias");
  if (!bias.is_null() && bias != false) return unsupported("attention_bias", bias, "false");
  const json activation = value_of(config, "hidden_act");
  if (!activation.is_null() && activation != "silu")
    return unsupported("hidden_act", activation, "\"silu\"");
  const json quantization = value_of(config, "quantization_config");
  if (!quantization.is_null())
    return unsupported("quantization_config", quantization, "an unquantised checkpoint");
  return {};
}

Status read_sizes(const json& config, ModelConfig& out) {
  TRINITY_TRY(out.hidden_size, positive_integer(config, "hidden_size"));
  TRINITY_TRY(out.intermediate_size, positive_integer(config, "intermediate_size"));
  TRINITY_TRY(out.num_hidden_layers, positive_integer(config, "num_hidden_layers"));
  TRINITY_TRY(out.num_attention_heads, positive_integer(config, "num_attention_heads"));
  TRINITY_TRY(out.num_key_value_heads, positive_integer(config, "num_key_value_heads"));
  TRINITY_TRY(out.vocab_size, positive_integer(config, "vocab_size"));
  TRINITY_TRY(out.max_position_embeddings, positive_integer(config, "max_position_embeddings"));
  if (out.num_attention_heads % out.num_key_value_heads != 0)
    return invalid("num_key_value_heads", std::to_string(out.num_key_value_heads),
                   "a divisor of num_attention_heads");
  if (value_of(config, "head_dim").is_null()) {
    if (out.hidden_size % out.num_attention_heads != 0)
      return invalid("head_dim", "nothing", "given when heads do not divide hidden_size");
    out.head_dim = out.hidden_size / out.num_attention_heads;
  } else {
    TRINITY_TRY(out.head_dim, positive_integer(config, "head_dim"));
  }
  if (out.head_dim % 2 != 0)
    return invalid("head_dim", std::to_string(out.head_dim), "even, for rotary positions");
  if (out.num_attention_heads > kMaxSize / out.head_dim)
    return invalid("num_attention_heads", std::to_string(out.num_attention_heads),
                   "small enough that heads · head_dim stays below 2^31");
  return {};
}

Status read_rope_theta(const json& config, ModelConfig& out) {
  json theta = value_of(config, "rope_theta");
  const json parameters = value_of(config, "rope_parameters");
  if (theta.is_null() && parameters.is_object()) theta = value_of(parameters, "rope_theta");
  if (theta.is_null()) {
    out.rope_theta = 10000;
    out.warnings.emplace_back("config.json names no rope_theta; 10000 is assumed");
    return {};
  }
  TRINITY_TRY(out.rope_theta, positive_number("rope_theta", theta));
  return {};
}

}  // namespace

Result<ModelConfig> parse_model_config(std::string_view text) {
  TRINITY_TRY(const json config, parse_json(text));
  if (!config.is_object())
    return fail(ErrorKind::invalid_input, "invalid_config", "config.json must hold an object");
  TRINITY_CHECK(refuse_unsupported(config));
  ModelConfig out;
  TRINITY_CHECK(read_sizes(config, out));
  TRINITY_CHECK(read_rope_theta(config, out));
  TRINITY_TRY(const double eps, positive_number("rms_norm_eps", value_of(config, "rms_norm_eps")));
  out.rms_norm_eps = static_cast<float>(eps);
  if (!(out.rms_norm_eps > 0) || !std::isfinite(out.rms_norm_eps))
    return invalid("rms_norm_eps", fmt::format("{}", eps), "between 1e-38 and 1e38");
  TRINITY_TRY(out.tie_word_embeddings, boolean(config, "tie_word_embeddings", false));
  return out;
}

Result<ModelConfig> load_model_config(const std::filesystem::path& folder) {
  TRINITY_TRY(const std::string text, read_text_file(folder / "config.json", kMaxConfigBytes));
  auto config = parse_model_config(text);
  if (!config) return fail_in((folder / "config.json").string(), std::move(config.error()));
  return config;
}

}  // namespace trinity
