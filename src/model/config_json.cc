#include "model/config_json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "base/utf8.h"

namespace trinity::model {

tl::unexpected<Error> unsupported_config(const std::string& key, const Json& value,
                                         const std::string& supported) {
  return fail(ErrorKind::unsupported, "unsupported_config",
              fmt::format("config.json sets {} to {}; supported is {}", key,
                          excerpt(json_text(value), 200), supported));
}

tl::unexpected<Error> invalid_config(const std::string& key, const std::string& value,
                                     const std::string& wanted) {
  return fail(ErrorKind::invalid_input, "invalid_config",
              fmt::format("config.json sets {} to {}; it must be {}", key, value, wanted));
}

const Json& config_value(const Json& config, const std::string& key) { return config[key]; }

std::string shown_config(const Json& value) {
  return value.is_null() ? "nothing" : excerpt(json_text(value), 200);
}

Result<int64_t> positive_config_integer(const std::string& key, const Json& value) {
  if (!value.is_number_integer() || value.as_double() < 1 ||
      value.as_double() > static_cast<double>(kMaxConfigSize))
    return invalid_config(key, shown_config(value), "a positive integer up to 2^31");
  return value.as_int64();
}

Result<double> positive_config_number(const std::string& key, const Json& value) {
  if (!value.is_number() || !(value.as_double() > 0) || !std::isfinite(value.as_double()))
    return invalid_config(key, shown_config(value), "a positive number");
  return value.as_double();
}

Result<bool> config_switch(const std::string& key, const Json& value, bool absent) {
  if (value.is_null()) return absent;
  if (!value.is_boolean()) return invalid_config(key, shown_config(value), "true or false");
  return value.as_bool();
}

}  // namespace trinity::model
