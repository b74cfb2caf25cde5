#include "model/config_json.h"

#include <fmt/format.h>

#include <cmath>

namespace trinity {

using nlohmann::json;

tl::unexpected<Error> unsupported_config(const std::string& key, const json& value,
                                         const std::string& supported) {
  return fail(ErrorKind::unsupported, "unsupported_config",
              fmt::format("config.json sets {} to {}; supported is {}", key,
                          value.dump(-1, ' ', true).substr(0, 200), supported));
}

tl::unexpected<Error> invalid_config(const std::string& key, const std::string& value,
                                     const std::string& wanted) {
  return fail(ErrorKind::invalid_input, "invalid_config",
              fmt::format("config.json sets {} to {}; it must be {}", key, value, wanted));
}

json config_value(const json& config, const std::string& key) {
  const auto it = config.find(key);
  return it == config.end() ? json() : *it;
}

std::string shown_config(const json& value) {
  return value.is_null() ? "nothing" : value.dump(-1, ' ', true).substr(0, 200);
}

Result<int64_t> positive_config_integer(const std::string& key, const json& value) {
  if (!value.is_number_integer() || value.get<double>() < 1 ||
      value.get<double>() > static_cast<double>(kMaxConfigSize))
    return invalid_config(key, shown_config(value), "a positive integer up to 2^31");
  return value.get<int64_t>();
}

Result<double> positive_config_number(const std::string& key, const json& value) {
  if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
    return invalid_config(key, shown_config(value), "a positive number");
  return value.get<double>();
}

Result<bool> config_switch(const std::string& key, const json& value, bool absent) {
  if (value.is_null()) return absent;
  if (!value.is_boolean()) return invalid_config(key, shown_config(value), "true or false");
  return value.get<bool>();
}

}  // namespace trinity
