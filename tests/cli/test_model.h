// A small random-weight model with a tokenizer and a head, made by the program itself.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/temporary_folder.h"
#include "cli/run_program.h"
#include "text/support.h"

namespace trinity::testing {

using Json = nlohmann::json;

inline constexpr int small_hidden_size = 64;
inline constexpr int small_vocab_size = 300;
inline constexpr int small_max_tokens = 512;

inline std::string small_config() {
  return Json{{"model_type", "qwen3"},          {"architectures", {"Qwen3ForCausalLM"}},
              {"vocab_size", small_vocab_size}, {"hidden_size", small_hidden_size},
              {"num_hidden_layers", 2},         {"num_attention_heads", 4},
              {"num_key_value_heads", 2},       {"head_dim", 32},
              {"intermediate_size", 160},       {"max_position_embeddings", small_max_tokens},
              {"rms_norm_eps", 1e-6},           {"rope_theta", 1000000},
              {"rope_scaling", nullptr},        {"hidden_act", "silu"},
              {"attention_bias", false},        {"use_sliding_window", false},
              {"tie_word_embeddings", true},    {"torch_dtype", "bfloat16"}}
      .dump();
}

/// Made once a process and removed at its end.
inline const std::filesystem::path& small_model() {
  static const TemporaryFolder folder;
  static const std::filesystem::path model = [] {
    const auto config = folder.put("config.json", small_config());
    const auto path = folder / "model";
    const Outcome made =
        run({"synth", "--config", config.string(), "--seed", "7", "--out", path.string()});
    if (made.status != 0) throw std::runtime_error("synth failed: " + made.err);
    folder.put("model/tokenizer.json", small_tokenizer_json().dump());
    return path;
  }();
  return model;
}

/// `command --model <the small model> extra...`, with the lane that runs everywhere.
inline Words with_model(const std::string& command, const Words& extra = {}) {
  Words words = {command, "--model", small_model().string()};
  if (command != "tokenize") words.insert(words.end(), {"--profile", "cpu_f32"});
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

inline std::vector<Json> records_of(const Outcome& outcome) {
  std::vector<Json> records;
  for (const std::string& line : lines_of(outcome.out)) records.push_back(Json::parse(line));
  return records;
}

inline Json user_record(const Json& id, const std::string& text) {
  return {{"id", id}, {"messages", Json::array({Json{{"role", "user"}, {"content", text}}})}};
}

}  // namespace trinity::testing
