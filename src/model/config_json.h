// What the readers of config.json share: looking values up, and the two ways to refuse one.
#pragma once

#include <trinity/error.h>

#include <nlohmann/json.hpp>
#include <string>

namespace trinity {

inline constexpr int64_t kMaxConfigSize = int64_t{1} << 31;

/// The setting is known and means something that is not computed.
tl::unexpected<Error> unsupported_config(const std::string& key, const nlohmann::json& value,
                                         const std::string& supported);
/// The setting is missing, impossible or contradicts another one.
tl::unexpected<Error> invalid_config(const std::string& key, const std::string& value,
                                     const std::string& wanted);

/// The value of a key, or null when the key is absent.
nlohmann::json config_value(const nlohmann::json& config, const std::string& key);
/// A value as it can stand in a message; null is "nothing".
std::string shown_config(const nlohmann::json& value);

/// A whole number from 1 to 2^31.
Result<int64_t> positive_config_integer(const std::string& key, const nlohmann::json& value);
/// A finite number above 0.
Result<double> positive_config_number(const std::string& key, const nlohmann::json& value);
/// True or false, or `absent` for null.
Result<bool> config_switch(const std::string& key, const nlohmann::json& value, bool absent);

}  // namespace trinity
