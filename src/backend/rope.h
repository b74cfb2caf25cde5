// Which rotary embedding a model has: the base of its frequencies, and how long contexts stretch
// them.
#pragma once

#include <compare>

namespace trinity::backend {

/// The names of `rope_type` in config.json; `none` is its "default".
enum class RopeScaling { none, linear, llama3, yarn };

struct Rope {
  Rope() = default;
  Rope(double base) : theta(base) {}  // NOLINT(google-explicit-constructor): a base alone is one

  double theta = 0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1;              // linear, llama3, yarn
  double original_positions = 0;  // llama3, yarn: the context that the model was trained on first
  double low_freq_factor = 1;     // llama3
  double high_freq_factor = 4;    // llama3
  double beta_fast = 32;          // yarn
  double beta_slow = 1;           // yarn
  bool truncate = true;           // yarn: the ramp begins and ends at whole dimensions
  double attention_factor = 1;    // yarn: multiplies cosines and sines

  /// The factor of cosines and sines as they are multiplied: in f32.
  float attention_scaling() const { return static_cast<float>(attention_factor); }

  friend auto operator<=>(const Rope&, const Rope&) = default;
};

}  // namespace trinity::backend
