// Taking a secret out of text that people or logs will see.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>

namespace trinity::net {

/// Every occurrence of `secret` in `text` becomes "[token]"; an empty secret changes nothing.
std::string redacted(std::string text, std::string_view secret);

/// The same for an error's message.
Error redacted(Error error, std::string_view secret);

}  // namespace trinity::net
