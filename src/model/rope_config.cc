#include "model/rope_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "backend/rope_scaling.h"
#include "base/json_value.h"
#include "base/try.h"
#include "model/config_json.h"

namespace trinity::model {
namespace {

/// Beyond them nothing was ever trained, and the arithmetic of the formulas could overflow.
constexpr double kLargestNumber = 1e6;

struct Stated {
  std::string where;  // "rope_parameters.rope_theta"
  Json value;
};

/// The places of a file that speak of rotary positions, read as one.
class RopeStatements {
 public:
  Status collect(const Json& config) {
    places_.emplace_back("", config);
    for (const std::string key : {"rope_scaling", "rope_parameters"}) {
      const Json value = config_value(config, key);
      if (value.is_null()) continue;
      if (!value.is_object()) return invalid_config(key, shown_config(value), "an object or null");
      places_.emplace_back(key + ".", value);
      // One object for each type of layer: only full attention is computed.
      const Json full = config_value(value, "full_attention");
      if (full.is_object()) {
        places_.emplace_back(key + ".full_attention.", full);
      } else if (!config_value(value, "sliding_attention").is_null()) {
        return invalid_config(key + ".full_attention", shown_config(full),
                              "an object, as for the other types of layers");
      }
    }
    return {};
  }

  /// The value that all places agree on, nothing if none has one. `also` is another name of the
  /// key; keys of the whole file count only if `on_top` is true.
  Result<std::optional<Stated>> get(const std::string& key, bool on_top = false,
                                    const std::string& also = {}) const {
    std::optional<Stated> found;
    for (const auto& [place, object] : places_) {
      if (place.empty() && !on_top) continue;
      for (const std::string& name : {key, also}) {
        if (name.empty()) continue;
        const Json value = config_value(object, name);
        if (value.is_null()) continue;
        if (!found) {
          found = Stated{place + name, value};
        } else if (found->value != value) {
          return fail(ErrorKind::invalid_input, "invalid_config",
                      fmt::format("config.json sets {} to {} and {} to {}; keep the one that the "
                                  "model was trained with",
                                  found->where, shown_config(found->value), place + name,
                                  shown_config(value)));
        }
      }
    }
    return found;
  }

  /// A number from `least` to `kLargestNumber`, or `absent` when there is none.
  Result<double> number(const std::string& key, double least,
                        std::optional<double> absent = std::nullopt) const {
    TRINITY_TRY(const std::optional<Stated> stated, get(key));
    if (!stated) {
      if (absent) return *absent;
      return invalid_config(key, "nothing", "given for this rope_type");
    }
    const bool fits = stated->value.is_number() && stated->value.as_double() >= least &&
                      stated->value.as_double() <= kLargestNumber;
    if (!fits)
      return invalid_config(stated->where, shown_config(stated->value),
                            fmt::format("a number from {} to {}", least, kLargestNumber));
    return stated->value.as_double();
  }

 private:
  std::vector<std::pair<std::string, Json>> places_;
};

Result<backend::RopeScaling> read_type(const RopeStatements& statements, ModelConfig& out) {
  TRINITY_TRY(const std::optional<Stated> type, statements.get("rope_type", false, "type"));
  TRINITY_TRY(const std::optional<Stated> factor, statements.get("factor"));
  if (!type && factor)
    return invalid_config(factor->where, shown_config(factor->value),
                          "accompanied by a rope_type such as \"yarn\"");
  if (!type || type->value == "default") {
    if (factor && factor->value != 1)
      out.warnings.push_back(
          fmt::format("config.json sets {} to {}, which rope_type \"default\" "
                      "does not use",
                      factor->where, shown_config(factor->value)));
    return backend::RopeScaling::none;
  }
  if (type->value == "linear") return backend::RopeScaling::linear;
  if (type->value == "llama3") return backend::RopeScaling::llama3;
  if (type->value == "yarn") return backend::RopeScaling::yarn;
  return unsupported_config(type->where, type->value,
                            "\"default\", \"linear\", \"llama3\" or \"yarn\"");
}

Status read_theta(const RopeStatements& statements, ModelConfig& out) {
  TRINITY_TRY(const std::optional<Stated> theta, statements.get("rope_theta", true));
  if (theta) {
    TRINITY_TRY(out.rope.theta, positive_config_number(theta->where, theta->value));
    return {};
  }
  out.rope.theta = 10000;
  out.warnings.emplace_back("config.json names no rope_theta; 10000 is assumed");
  return {};
}

/// The context before it was stretched; `transformers` takes max_position_embeddings for none.
Status read_original_positions(const RopeStatements& statements, ModelConfig& out) {
  out.rope.original_positions = static_cast<double>(out.max_position_embeddings);
  TRINITY_TRY(const std::optional<Stated> original,
              statements.get("original_max_position_embeddings", true));
  if (!original) return {};
  TRINITY_TRY(const int64_t positions, positive_config_integer(original->where, original->value));
  out.rope.original_positions = static_cast<double>(positions);
  return {};
}

Status read_llama3(const RopeStatements& statements, ModelConfig& out) {
  TRINITY_CHECK(read_original_positions(statements, out));
  TRINITY_TRY(out.rope.factor, statements.number("factor", 1));
  TRINITY_TRY(out.rope.low_freq_factor, statements.number("low_freq_factor", 1e-6));
  TRINITY_TRY(out.rope.high_freq_factor, statements.number("high_freq_factor", 1e-6));
  if (out.rope.high_freq_factor > out.rope.low_freq_factor) return {};
  return invalid_config("high_freq_factor", fmt::format("{}", out.rope.high_freq_factor),
                        "above low_freq_factor");
}

/// A number of YaRN that counts as absent when it is 0, as in `transformers`.
Result<double> number_or(const RopeStatements& statements, const std::string& key, double absent) {
  TRINITY_TRY(const double value, statements.number(key, 0, absent));
  return value == 0 ? absent : value;
}

Status read_yarn(const RopeStatements& statements, ModelConfig& out) {
  backend::Rope& rope = out.rope;
  if (!(rope.theta > 1))
    return invalid_config("rope_theta", fmt::format("{}", rope.theta), "above 1 with yarn");
  TRINITY_CHECK(read_original_positions(statements, out));
  const double implied = static_cast<double>(out.max_position_embeddings) / rope.original_positions;
  TRINITY_TRY(rope.factor, statements.number("factor", 1, std::max(implied, 1.0)));
  TRINITY_TRY(rope.beta_fast, number_or(statements, "beta_fast", 32));
  TRINITY_TRY(rope.beta_slow, number_or(statements, "beta_slow", 1));
  if (rope.beta_fast < rope.beta_slow)
    return invalid_config("beta_fast", fmt::format("{}", rope.beta_fast), "at least beta_slow");
  TRINITY_TRY(const std::optional<Stated> truncate, statements.get("truncate"));
  if (truncate) {
    TRINITY_TRY(rope.truncate, config_switch(truncate->where, truncate->value, true));
  }
  TRINITY_TRY(const double mscale, number_or(statements, "mscale", 0));
  TRINITY_TRY(const double mscale_all_dim, number_or(statements, "mscale_all_dim", 0));
  TRINITY_TRY(rope.attention_factor, statements.number("attention_factor", 1e-6,
                                                       backend::yarn_attention_factor(
                                                           rope.factor, mscale, mscale_all_dim)));
  const double positions = std::floor(rope.factor * rope.original_positions);
  if (positions > static_cast<double>(kMaxConfigSize))
    return invalid_config("factor", fmt::format("{}", rope.factor),
                          "small enough that factor · original_max_position_embeddings is at most "
                          "2^31");
  if (positions < static_cast<double>(out.max_position_embeddings))
    out.warnings.push_back(
        fmt::format("config.json sets max_position_embeddings to {}, but yarn reaches only {}; "
                    "longer inputs are refused",
                    out.max_position_embeddings, positions));
  out.max_position_embeddings = static_cast<int64_t>(positions);
  return {};
}

}  // namespace

Status read_rope(const Json& config, ModelConfig& out) {
  RopeStatements statements;
  TRINITY_CHECK(statements.collect(config));
  TRINITY_CHECK(read_theta(statements, out));
  TRINITY_TRY(const std::optional<Stated> partial, statements.get("partial_rotary_factor", true));
  if (partial && partial->value != 1)
    return unsupported_config(partial->where, partial->value, "1");
  TRINITY_TRY(out.rope.scaling, read_type(statements, out));
  switch (out.rope.scaling) {
    case backend::RopeScaling::none:
      return {};
    case backend::RopeScaling::linear: {
      TRINITY_TRY(out.rope.factor, statements.number("factor", 1));
      return {};
    }
    case backend::RopeScaling::llama3:
      return read_llama3(statements, out);
    case backend::RopeScaling::yarn:
      return read_yarn(statements, out);
  }
  return {};
}

}  // namespace trinity::model
