// The settings of a Qwen3 model, read from Hugging Face's config.json.
//
// Both spellings are read: the older one with `rope_theta` and `torch_dtype` at the top, and the
// newer one with `rope_parameters` and `dtype`. What a file leaves out means what Qwen3Config of
// `transformers` makes of it. Settings that would change the arithmetic and are not implemented,
// and those that contradict each other, are refused by name; unknown keys are ignored.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backend/rope.h"

namespace trinity::model {

struct ModelConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;  // attention width = heads · head_dim, which need not be hidden_size
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;  // longest input in tokens; with yarn, after stretching
  float rms_norm_eps = 0;
  backend::Rope rope;
  bool tie_word_embeddings = false;
  std::vector<std::string> warnings;  // for people: assumptions that were made

  int64_t attention_width() const { return num_attention_heads * head_dim; }
  int64_t kv_width() const { return num_key_value_heads * head_dim; }
  /// Tokens before a token for which its attention costs as much as its products do.
  double equal_cost_length() const {
    const int64_t weights = hidden_size * (2 * attention_width() + 2 * kv_width()) +
                            3 * hidden_size * intermediate_size;
    return static_cast<double>(weights) / static_cast<double>(2 * attention_width());
  }
};

/// Errors: `unsupported_config` (a setting that is not implemented), `invalid_config` (missing or
/// impossible value), and those of the JSON reader.
Result<ModelConfig> parse_model_config(std::string_view text);
/// Reads `<folder>/config.json`. Also `missing_file`, `foreign_file`, and what
/// require_model_folder says of a folder without one.
Result<ModelConfig> load_model_config(const std::filesystem::path& folder);

}  // namespace trinity::model
