// What the readers of config.json share: looking values up, and the two ways to refuse one.
#pragma once

#include <trinity/error.h>

#include <string>

#include "base/json_value.h"

namespace trinity::model {

inline constexpr int64_t kMaxConfigSize = int64_t{1} << 31;

/// The setting is known and means something that is not computed.
tl::unexpected<Error> unsupported_config(const std::string& key, const Json& value,
                                         const std::string& supported);
/// The setting is missing, impossible or contradicts another one.
tl::unexpected<Error> invalid_config(const std::string& key, const std::string& value,
                                     const std::string& wanted);

/// The value of a key, or null when the key is absent.
const Json& config_value(const Json& config, const std::string& key);
/// A value as it can stand in a message; null is "nothing".
std::string shown_config(const Json& value);

/// A whole number from 1 to 2^31.
Result<int64_t> positive_config_integer(const std::string& key, const Json& value);
/// A finite number above 0.
Result<double> positive_config_number(const std::string& key, const Json& value);
/// True or false, or `absent` for null.
Result<bool> config_switch(const std::string& key, const Json& value, bool absent);

}  // namespace trinity::model
