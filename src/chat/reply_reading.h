// What the readers of upstreams' replies share.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_value.h"

namespace trinity::chat {

/// The JSON object of a reply or an event. Error: `invalid_response`.
Result<Json> read_response(std::string_view body);

/// `invalid_response` with what is wrong and how the body begins.
tl::unexpected<Error> invalid_response(std::string_view what, std::string_view body);

/// `upstream_error` with what the error object of this body says, or with a text of our own.
tl::unexpected<Error> upstream_error(std::string_view body);

/// A number of tokens; 0 for what is none.
std::int64_t token_count(const Json& value);

/// The media type and the data of a URL "data:image/png;base64,...". False for another URL.
bool split_data_url(std::string_view url, std::string& media_type, std::string& data);
/// The URL for them.
std::string data_url(std::string_view media_type, std::string_view data);

}  // namespace trinity::chat
