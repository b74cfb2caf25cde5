// The random-weight oracle models of the conformance data and their recorded hidden states.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "support/conformance.h"
#include "tensor/safetensors.h"
#include "tensor/tensor.h"

namespace trinity::testing {

inline const std::vector<std::string>& oracle_model_names() {
  static const std::vector<std::string> names = {"basic_bf16", "untied_f32", "sharded_bf16",
                                                 "realvocab_bf16"};
  return names;
}

/// One recorded sequence: ids and the post-norm hidden states of every position.
struct GoldenSequence {
  std::string key;  // "len33"
  std::vector<int32_t> ids;
  std::vector<float> hidden_f32;   // [T, hidden]
  std::vector<float> hidden_bf16;  // [T, hidden]
};

inline std::vector<GoldenSequence> golden_sequences(const std::string& model) {
  std::vector<GoldenSequence> out;
  const auto file =
      SafetensorsFile::open(conformance_path("hf_oracle/models/goldens/" + model + ".safetensors"));
  if (!file) return out;
  for (const std::string& name : file->names()) {
    if (name.size() < 5 || name.substr(name.size() - 4) != ".ids") continue;
    GoldenSequence sequence;
    sequence.key = name.substr(0, name.size() - 4);
    const TensorView ids = *file->tensor(name);
    for (size_t i = 0; i < ids.bytes.size() / 8; ++i) {
      int64_t id = 0;
      std::memcpy(&id, ids.bytes.data() + i * 8, 8);
      sequence.ids.push_back(static_cast<int32_t>(id));
    }
    sequence.hidden_f32 = *to_f32(*file->tensor(sequence.key + ".hidden_f32"));
    sequence.hidden_bf16 = *to_f32(*file->tensor(sequence.key + ".hidden_bf16"));
    out.push_back(std::move(sequence));
  }
  return out;
}

}  // namespace trinity::testing
