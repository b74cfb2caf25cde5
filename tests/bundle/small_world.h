// A small random model, a router vector for it and exports of the two: what the tests of bundles
// start from.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapt/router_vector.h"
#include "backend_registry/registry.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "bundle/exporter.h"
#include "model/synth.h"
#include "tensor/safetensors.h"

namespace trinity::testing {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Strings = std::vector<std::string>;

inline std::string world_config(int vocab = 300, bool tied = true) {
  return Json{
      {"model_type", "qwen3"},  {"hidden_size", 64},        {"intermediate_size", 100},
      {"num_hidden_layers", 2}, {"num_attention_heads", 4}, {"num_key_value_heads", 2},
      {"head_dim", 16},         {"vocab_size", vocab},      {"max_position_embeddings", 512},
      {"rms_norm_eps", 1e-6},   {"rope_theta", 1000000},    {"tie_word_embeddings", tied}}
      .dump();
}

/// Offsets of one adapted layer of that model, then the head.
inline constexpr int64_t kWorldOffsets = 7 * 64 + 2 * 32;
inline constexpr int64_t kWorldNumbers = kWorldOffsets + 10 * 64;

inline void write_vector(const fs::path& path, int64_t count = kWorldNumbers, uint32_t seed = 3) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 0.1F);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(generator);
  const TensorView view{DType::f32, {count}, std::as_bytes(std::span(values))};
  const Status written = write_safetensors(path, {{adapt::RouterVector::kTensorName, view}});
  if (!written) throw std::runtime_error(written.error().message);
}

/// What an export did: its report or error, and every event.
struct Exported {
  Result<bundle::BundleReport> report = fail(ErrorKind::failed, "not_run", "not run");
  Strings names;
  std::vector<Json> events;
  std::string tag() const { return report ? "ok" : report.error().tag; }
  std::string message() const { return report ? "" : report.error().message; }
  const Json* event(const std::string& name) const {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return &events[i];
    return nullptr;
  }
};

class SmallWorld {
 public:
  explicit SmallWorld(int vocab = 300, bool tied = true) {
    const auto made = model::synthesize_model(world_config(vocab, tied), 11, model());
    if (!made) throw std::runtime_error(made.error().message);
    write_vector(vector());
  }
  fs::path model() const { return folder_ / "model"; }
  fs::path vector() const { return folder_ / "vector.safetensors"; }
  fs::path operator/(const std::string& name) const { return folder_ / name; }
  const TemporaryFolder& folder() const { return folder_; }

  bundle::ExportOptions options(const std::string& out = "bundle") const {
    bundle::ExportOptions options;
    options.model = model();
    options.vector = vector();
    options.out = folder_ / out;
    options.layers = {1};
    options.profile = "cpu_f32";
    options.producer = "trinity test";
    options.merge = true;
    return options;
  }

 private:
  TemporaryFolder folder_;
};

/// One world for the tests of a process that do not change it.
inline const SmallWorld& shared_world() {
  static const SmallWorld world;
  return world;
}

/// What a test does when an event comes, before the export goes on.
using Interference = std::function<void(const std::string& event)>;

inline Exported run_export_with(backend::Backend& backend, const bundle::ExportOptions& options,
                                const Interference& interfere = {}) {
  Exported exported;
  auto plan = bundle::plan_export(options);
  if (!plan) {
    exported.report = tl::unexpected(plan.error());
    return exported;
  }
  exported.report = bundle::run_export(backend, options, **plan,
                                       [&](const std::string& name, const trinity::Json& fields) {
                                         exported.names.push_back(name);
                                         exported.events.push_back(Json::parse(json_text(fields)));
                                         if (interfere) interfere(name);
                                       },
                                       {});
  return exported;
}

inline Exported do_export(const bundle::ExportOptions& options,
                          const Interference& interfere = {}) {
  auto backend = backend::create_backend("cpu_f32", {1});
  if (!backend) throw std::runtime_error(backend.error().message);
  return run_export_with(**backend, options, interfere);
}

inline Json manifest_of(const fs::path& bundle) {
  return Json::parse(slurp(bundle / "manifest.json"));
}

/// Changes the manifest on disk, as an attacker or a bug would.
template <typename Change>
void edit_manifest(const fs::path& bundle, const Change& change) {
  Json manifest = manifest_of(bundle);
  change(manifest);
  std::ofstream(bundle / "manifest.json", std::ios::binary) << manifest.dump();
}

/// Content of every regular file below, by relative path; without what differs from run to run.
inline std::map<std::string, std::string> payload_files(const fs::path& bundle) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(bundle))
    if (entry.is_regular_file()) {
      const std::string name = fs::relative(entry.path(), bundle).string();
      if (name != "manifest.json" && name != "export.log.jsonl") files[name] = slurp(entry.path());
    }
  return files;
}

inline Strings log_names(const fs::path& bundle) {
  Strings names;
  std::ifstream log(bundle / "export.log.jsonl");
  for (std::string line; std::getline(log, line);)
    names.push_back(Json::parse(line).at("event").get<std::string>());
  return names;
}

}  // namespace trinity::testing
