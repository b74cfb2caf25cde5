#include "model/synth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "model/config.h"
#include "model/synth_mark.h"
#include "tensor/bf16.h"
#include "tensor/safetensors.h"

namespace trinity::model {
namespace {

constexpr size_t kBlock = size_t{1} << 20;  // elements made and written at once
constexpr uint64_t kMostBytes = uint64_t{1} << 60;

/// splitmix64: a bijection of 64-bit integers whose outputs for 0, 1, 2, … pass for random.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Stream of a tensor: FNV-1a of its name, mixed with the seed.
uint64_t stream_of(const std::string& name, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(hash ^ mix(seed));
}

// A function and no lambda, which is implicitly constexpr: GCC would spend seconds on trying to
// compute the table while it compiles.
std::vector<float> normal_quantiles() {
  std::vector<float> values(4096);
  for (size_t i = 0; i < values.size(); ++i) {
    const double p = (static_cast<double>(i) + 0.5) / static_cast<double>(values.size());
    double x = 0;  // Newton's method on the normal distribution function
    for (int step = 0; step < 60; ++step) {
      const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
      const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
      x -= std::clamp(error / density, -0.5, 0.5);
    }
    values[i] = static_cast<float>(x);
  }
  return values;
}

/// Standard normal quantiles at (i + ½) / 4096: twelve random bits make one value, a lookup each.
const std::vector<float>& normal_table() {
  static const std::vector<float> table = normal_quantiles();
  return table;
}

/// A tensor to be made: values are mean + deviation · normal.
struct Plan {
  std::string name;
  std::vector<int64_t> shape;
  float mean = 0;
  float deviation = 0;

  int64_t count() const {
    int64_t product = 1;
    for (const int64_t size : shape) product *= size;
    return product;
  }
};

std::vector<Plan> plan_tensors(const ModelConfig& c) {
  // Products of unit-variance inputs keep unit variance at 1/√in; sub-layer outputs are shrunk so
  // that the residual stream grows to a few units only.
  const auto spread = [](int64_t in) { return 1.0f / std::sqrt(static_cast<float>(in)); };
  const float shrink = 1.0f / std::sqrt(static_cast<float>(c.num_hidden_layers));
  std::vector<Plan> plans;
  plans.push_back({"model.embed_tokens.weight", {c.vocab_size, c.hidden_size}, 0, 1});
  plans.push_back({"model.norm.weight", {c.hidden_size}, 1, 0.1f});
  if (!c.tie_word_embeddings)
    plans.push_back({"lm_head.weight", {c.vocab_size, c.hidden_size}, 0, spread(c.hidden_size)});
  for (int64_t l = 0; l < c.num_hidden_layers; ++l) {
    const std::string base = fmt::format("model.layers.{}.", l);
    const auto linear = [&](const std::string& name, int64_t out, int64_t in, float factor = 1) {
      plans.push_back({base + name, {out, in}, 0, factor * spread(in)});
    };
    const auto norm = [&](const std::string& name, int64_t size, float mean) {
      plans.push_back({base + name, {size}, mean, 0.1f});
    };
    norm("input_layernorm.weight", c.hidden_size, 1);
    norm("post_attention_layernorm.weight", c.hidden_size, 1);
    norm("self_attn.q_norm.weight", c.head_dim, 1.4f);
    norm("self_attn.k_norm.weight", c.head_dim, 1.4f);
    linear("self_attn.q_proj.weight", c.attention_width(), c.hidden_size);
    linear("self_attn.k_proj.weight", c.kv_width(), c.hidden_size);
    linear("self_attn.v_proj.weight", c.kv_width(), c.hidden_size);
    linear("self_attn.o_proj.weight", c.hidden_size, c.attention_width(), 2 * shrink);
    linear("mlp.gate_proj.weight", c.intermediate_size, c.hidden_size);
    linear("mlp.up_proj.weight", c.intermediate_size, c.hidden_size);
    linear("mlp.down_proj.weight", c.hidden_size, c.intermediate_size, 2 * shrink);
  }
  std::sort(plans.begin(), plans.end(),
            [](const Plan& a, const Plan& b) { return a.name < b.name; });
  return plans;
}

float normal_at(uint64_t stream, uint64_t index) {
  const uint64_t bits = mix(stream + index / 5);
  return normal_table()[(bits >> (12 * (index % 5))) & 0xFFF];
}

constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kHeadFileName = "router_head.safetensors";
constexpr const char* kConfigFile = "config.json";

/// Asked before the first byte: a disk that is full after hours helps nobody.
Status require_space(const std::filesystem::path& folder, uint64_t bytes) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error || space.available >= bytes) return {};
  return fail(ErrorKind::failed, "disk_full",
              fmt::format("the weights take {:.1f} GB, but there are {:.1f} GB free in {}; free "
                          "some, or correct the sizes in config.json",
                          static_cast<double>(bytes) / 1e9,
                          static_cast<double>(space.available) / 1e9, folder.string()));
}

/// The bytes of router_head.safetensors.
Result<std::string> head_file(int64_t hidden, uint64_t seed) {
  constexpr int64_t kOutputs = 10;
  const std::string name = "trinity_router_head";
  std::vector<float> values(static_cast<size_t>(kOutputs * hidden));
  const uint64_t stream = stream_of(name, seed);
  const float deviation = 4.0f / std::sqrt(static_cast<float>(hidden));
  for (size_t i = 0; i < values.size(); ++i) values[i] = deviation * normal_at(stream, i);
  const TensorDeclaration tensor{name, DType::f32, {kOutputs, hidden}};
  TRINITY_TRY(std::string file, safetensors_header(std::span(&tensor, 1)));
  const auto bytes = std::as_bytes(std::span(values));
  return file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

Result<SynthReport> synthesize_model(const std::string& config_json, uint64_t seed,
                                     const std::filesystem::path& folder,
                                     const std::function<void(uint64_t, uint64_t)>& progress) {
  TRINITY_TRY(const ModelConfig config, parse_model_config(config_json));
  const std::vector<Plan> plans = plan_tensors(config);
  SynthReport report;
  std::vector<NamedTensor> tensors;
  for (const Plan& plan : plans) {
    TRINITY_TRY(const int64_t bytes, byte_count(DType::bf16, plan.shape));
    // The header needs sizes only: the bytes are made while they are written.
    tensors.push_back({plan.name,
                       {DType::bf16,
                        plan.shape,
                        {static_cast<const std::byte*>(nullptr), static_cast<size_t>(bytes)}}});
    if (static_cast<uint64_t>(bytes) > kMostBytes - report.bytes)
      return fail(ErrorKind::invalid_input, "invalid_config",
                  "config.json asks for a model of more than 2^60 bytes; correct its sizes");
    report.parameters += plan.count();
    report.bytes += static_cast<uint64_t>(bytes);
  }
  report.tensors = static_cast<int64_t>(plans.size());
  TRINITY_TRY(const std::string header, safetensors_header(tensors));

  TRINITY_TRY(const std::string head, head_file(config.hidden_size, seed));
  TRINITY_TRY(std::vector<MarkedFile> marked,
              read_synth_mark(folder, {kWeightsFile, kHeadFileName, kConfigFile}));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(ErrorKind::failed, "unwritable_file",
                "cannot create folder " + folder.string() + ": " + error.message());
  remove_leftovers(folder);
  TRINITY_CHECK(require_space(folder, report.bytes));
  TRINITY_TRY(AtomicFile file, AtomicFile::create(folder / kWeightsFile));
  TRINITY_CHECK(file.write(header));
  Sha256 hash;
  hash.update(std::string_view(header));
  uint64_t written = 0;
  std::vector<uint16_t> block;
  for (const Plan& plan : plans) {
    const uint64_t stream = stream_of(plan.name, seed);
    const auto count = static_cast<uint64_t>(plan.count());
    for (uint64_t begin = 0; begin < count; begin += kBlock) {
      block.resize(std::min<uint64_t>(kBlock, count - begin));
      for (size_t i = 0; i < block.size(); ++i)
        block[i] = bf16_from_f32(plan.mean + plan.deviation * normal_at(stream, begin + i));
      TRINITY_CHECK(file.write(std::as_bytes(std::span(block))));
      hash.update(std::as_bytes(std::span(block)));
      written += block.size() * sizeof(uint16_t);
      if (progress) progress(written, report.bytes);
    }
  }
  // The mark names the files before they have their names, and those that stand there until then: a
  // run that is killed in between finds its own files again.
  const std::vector<MarkedFile> made = {{kWeightsFile, hash.hex()},
                                        {kHeadFileName, sha256_hex(head)},
                                        {kConfigFile, sha256_hex(config_json)}};
  marked.insert(marked.end(), made.begin(), made.end());
  TRINITY_CHECK(write_synth_mark(folder, marked));
  TRINITY_CHECK(file.commit());
  TRINITY_CHECK(write_file_atomic(folder / kHeadFileName, head));
  // Last, so that a folder with a config.json is a whole one.
  TRINITY_CHECK(write_file_atomic(folder / kConfigFile, config_json));
  TRINITY_CHECK(write_synth_mark(folder, made));
  return report;
}

bool is_synthetic_file(const std::filesystem::path& name) {
  return name == kWeightsFile || name == kHeadFileName || name == kConfigFile ||
         name == kSynthMarkFile;
}

}  // namespace trinity::model
