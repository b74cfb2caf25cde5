// Appending JSON to a buffer, fast enough for hundreds of thousands of floats.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trinity::wire {

/// A quoted and escaped JSON string; ill-formed UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// "[1,2,3]".
void append_json_ids(std::string& out, std::span<const std::int32_t> ids);

/// "[0.1,-3e-05]": every number is the shortest one that reads back as exactly this float.
/// Returns false, with `out` in an unspecified state after its former end, when a value is not
/// finite: JSON has no word for it.
[[nodiscard]] bool append_json_floats(std::string& out, std::span<const float> values);

}  // namespace trinity::wire
