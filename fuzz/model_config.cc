// Any bytes as config.json: refused with a tag and a sentence, or settings that a model can have.
#include <cmath>
#include <string>

#include "input.h"
#include "model/config.h"

namespace {

constexpr const char* kValid =
    R"({"architectures":["Qwen3ForCausalLM"],"attention_bias":false,"head_dim":128,)"
    R"("hidden_act":"silu","hidden_size":1024,"intermediate_size":3072,"layer_types":null,)"
    R"("max_position_embeddings":40960,"model_type":"qwen3","num_attention_heads":16,)"
    R"("num_hidden_layers":28,"num_key_value_heads":8,"quantization_config":null,)"
    R"("rms_norm_eps":1e-06,"rope_parameters":{"rope_theta":1000000,"rope_type":"default"},)"
    R"("rope_scaling":null,"sliding_window":null,"tie_word_embeddings":true,)"
    R"("use_sliding_window":false,"vocab_size":151936})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace trinity;
  const std::string text = fuzz::bytes_or_edit(data, size, kValid);
  const Result<model::ModelConfig> config = model::parse_model_config(text);
  if (!config) {
    fuzz::require_clear(config.error());
    return 0;
  }
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  for (const std::int64_t value :
       {config->hidden_size, config->intermediate_size, config->num_hidden_layers,
        config->num_attention_heads, config->num_key_value_heads, config->head_dim,
        config->vocab_size, config->max_position_embeddings, config->attention_width(),
        config->kv_width()})
    fuzz::require(value > 0 && value <= limit, "sizes are positive and bounded");
  fuzz::require(config->num_attention_heads % config->num_key_value_heads == 0,
                "key/value heads divide the heads");
  fuzz::require(config->head_dim % 2 == 0, "heads can be rotated");
  fuzz::require(config->rms_norm_eps > 0 && std::isfinite(config->rms_norm_eps), "eps is a number");
  fuzz::require(config->rope.theta > 0 && std::isfinite(config->rope.theta), "theta is a number");
  return 0;
}
