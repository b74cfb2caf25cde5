// The letters of ids: 32 of them, of which none looks like another.
#pragma once

#include <string_view>

namespace trinity::serve {

inline constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";

}  // namespace trinity::serve
