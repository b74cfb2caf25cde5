// A LoRA adapter that lies beside the weights of its base model, as peft saves it.
//
// W' = W + (lora_alpha / r) · B·A for every matrix that the adapter names, A [r, in], B [out, r]
// (E. J. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021). The sum is taken
// in f64 and rounded to f32 once, on all processors: bits depend on neither threads nor machine. A
// merged matrix stays F32, whatever type its base has; lanes round it as they round every F32
// weight.
//
// Names in the adapter are "base_model.model.<module of the base model>.lora_A.weight". Variants
// whose arithmetic is another one are refused by name: rank-stabilised scaling, DoRA, adapted
// embeddings, biases, modules saved whole, ranks or alphas by pattern, weights kept transposed, and
// initialisations that change the base weights.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/safetensors.h"

namespace trinity {

struct LoraConfig {
  std::int64_t rank = 0;
  double scale = 0;                         // lora_alpha / r
  std::string base_model;                   // as the adapter calls it; may be empty
  std::vector<std::string> target_modules;  // when they are a list; empty: any
};

/// Errors: `invalid_adapter` (no JSON object, a value of the wrong type), `unsupported_adapter`.
Result<LoraConfig> parse_lora_config(std::string_view text);

class LoraAdapter {
 public:
  /// Reads adapter_config.json and adapter_model.safetensors of the folder. Errors: those of the
  /// readers and of parse_lora_config, `missing_file`, `unsupported_adapter` (a tensor that is no
  /// part of a plain LoRA adapter), `invalid_adapter` (A without B, shapes that do not fit).
  static Result<LoraAdapter> open(const std::filesystem::path& folder);

  const LoraConfig& config() const { return config_; }
  /// Canonical names of the matrices that it changes, sorted.
  std::vector<std::string> targets() const;
  bool changes(std::string_view name) const { return parts_.contains(name); }

  /// W' of a target, row-major [out, in]. Errors: `invalid_adapter` (shapes), `unsupported_dtype`.
  Result<std::vector<float>> merged(std::string_view name, const TensorView& base) const;

 private:
  LoraAdapter(LoraConfig config, SafetensorsFile file)
      : config_(std::move(config)), file_(std::move(file)) {}
  Status collect();

  struct Parts {
    std::string a, b;  // names in the file; empty until found
  };
  LoraConfig config_;
  SafetensorsFile file_;
  std::map<std::string, Parts, std::less<>> parts_;  // by canonical name of the matrix
};

}  // namespace trinity
